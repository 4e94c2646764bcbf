// Package zdeps is temporary: it holds modules in go.mod while the pieces that use them are written.
package zdeps

import (
	_ "github.com/nexus-rpc/sdk-go/nexus"
	_ "go.temporal.io/sdk/contrib/opentelemetry"
	_ "go.temporal.io/sdk/contrib/sysinfo"
)
