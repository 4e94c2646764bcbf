package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// comments are what a package's source says of its types ("Type") and of their fields ("Type.Field"), and the
// constants of its named types.
type comments struct {
	docs      map[string]string
	constants map[string][]string
}

// commentsOf reads the source of one of our packages.
func commentsOf(t *testing.T, pkg string) comments {
	t.Helper()
	c := comments{docs: map[string]string{}, constants: map[string][]string{}}
	for _, file := range sources(t, pkg) {
		for _, declaration := range file.Decls {
			general, ok := declaration.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range general.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					c.read(spec, general.Doc.Text())
				case *ast.ValueSpec:
					if named, ok := spec.Type.(*ast.Ident); ok && general.Tok == token.CONST {
						c.constants[named.Name] = append(c.constants[named.Name], literal(spec.Values[0]))
					}
				}
			}
		}
	}
	return c
}

func (c comments) read(spec *ast.TypeSpec, doc string) {
	c.docs[spec.Name.Name] = doc
	if fields, ok := spec.Type.(*ast.StructType); ok {
		for _, field := range fields.Fields.List {
			for _, name := range field.Names {
				c.docs[spec.Name.Name+"."+name.Name] = field.Doc.Text()
			}
		}
	}
}

// sources are the files of one of our packages, tests left out.
func sources(t *testing.T, pkg string) (files []*ast.File) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("../..", strings.TrimPrefix(pkg, "everleaf/"), "*.go"))
	require.NoError(t, err)
	for _, path := range paths {
		if !strings.HasSuffix(path, "_test.go") {
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
			require.NoError(t, err)
			files = append(files, file)
		}
	}
	require.NotEmpty(t, files, pkg)
	return files
}

// literal is a string constant, which may be joined of several by +.
func literal(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if unquoted, err := strconv.Unquote(e.Value); err == nil {
			return unquoted
		}
	case *ast.BinaryExpr:
		return literal(e.X) + literal(e.Y)
	}
	return ""
}

var (
	subject     = regexp.MustCompile(`^\w+( is| are)? `)
	emptyClause = regexp.MustCompile(`(?s)^(.*)[;,] empty (?:means|for) (.+)$`)
)

// meaning is what a comment says of a field, without the field's name, and what it is when it is left out.
func (c comments) meaning(owner reflect.Type, field reflect.StructField) (meaning, fallback string) {
	doc := c.docs[owner.Name()+"."+field.Name]
	if doc == "" && field.Type.Kind() == reflect.Pointer {
		doc = c.docs[field.Type.Elem().Name()] // what the type is, the field is
	}
	doc = strings.TrimSuffix(strings.Join(strings.Fields(doc), " "), ".")
	if parts := emptyClause.FindStringSubmatch(doc); parts != nil {
		doc, fallback = parts[1], parts[2]
	}
	return sentence(subject.ReplaceAllString(doc, "")), fallback
}
