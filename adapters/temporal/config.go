package temporal

import (
	"os"
	"slices"
	"strings"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"

	"everleaf/adapters/internal/connection"
	"everleaf/domain"
)

// Config is what the worker needs to know of the server.
type Config struct {
	// Client says where the server is and how to speak to it; see Options.
	Client client.Options
	// TaskQueue is the base queue: where workflows wait for a worker. Other roles' queues are named after it.
	TaskQueue string
}

// Target is the server as messages name it.
func (c Config) Target() connection.Target {
	return connection.Target{Address: c.Client.HostPort, Namespace: c.Client.Namespace, TaskQueue: c.TaskQueue}
}

// Settings are the client's settings by the names of Temporal's own convention, without the prefix TEMPORAL_.
// They stand above the environment, which stands above the configuration file (temporal.toml). The empty string
// leaves a setting to those.
type Settings struct {
	Address             string
	Namespace           string
	Profile             string
	ConfigFile          string
	APIKey              string
	TLS                 string
	ClientCertPath      string
	ClientKeyPath       string
	ServerCACertPath    string
	ServerName          string
	DisableVerification string
	Authority           string

	// RereadAPIKey reads an API key that is in a file again; nil for one that does not change.
	RereadAPIKey func() (string, error)
}

// Options loads the client's options as the whole ecosystem does: file, profile, TEMPORAL_* environment
// (go.temporal.io/sdk/contrib/envconfig), and above them the settings given. The fault is the operator's.
func Options(settings Settings) (client.Options, error) {
	environment := overlay(settings.environment())
	// A file that is named is meant to be read; envconfig goes on without one that is not there.
	if file, ok := environment.LookupEnv("TEMPORAL_CONFIG_FILE"); ok {
		if _, err := os.Stat(file); err != nil {
			return client.Options{}, domain.NewFault(domain.FaultOperator, domain.ReasonTemporalSettings, err,
				"--temporal-config-file (TEMPORAL_CONFIG_FILE) %q cannot be read; correct the path or leave the setting out", file)
		}
	}
	// envconfig passes over what it cannot read: a misspelt TEMPORAL_TLS would speak in plain text.
	for _, name := range []string{"TEMPORAL_TLS", "TEMPORAL_TLS_DISABLE_HOST_VERIFICATION"} {
		value, ok := environment.LookupEnv(name)
		if ok && !slices.Contains([]string{"true", "false", "1", "0"}, strings.ToLower(value)) {
			return client.Options{}, domain.NewFault(domain.FaultOperator, domain.ReasonTemporalSettings, nil,
				"--%s (%s) %q cannot work: use true or false", strings.ToLower(strings.ReplaceAll(name, "_", "-")),
				name, value)
		}
	}
	options, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{
		ConfigFilePath:    settings.ConfigFile,
		ConfigFileProfile: settings.Profile,
		EnvLookup:         environment,
	})
	if err != nil {
		return client.Options{}, domain.NewFault(domain.FaultOperator, domain.ReasonTemporalSettings, err,
			"Temporal's settings (TEMPORAL_* or temporal.toml) cannot be used")
	}
	profile, err := envconfig.LoadClientConfigProfile(envconfig.LoadClientConfigProfileOptions{
		ConfigFilePath: settings.ConfigFile, ConfigFileProfile: settings.Profile, EnvLookup: environment,
	})
	if err == nil { // it was read just before
		settings.renewing(&options, profile)
	}
	// The SDK would fill these in by itself; done here, an error can name the address.
	if options.HostPort == "" {
		options.HostPort = client.DefaultHostPort
	}
	if options.Namespace == "" {
		options.Namespace = client.DefaultNamespace
	}
	return options, nil
}

func (s Settings) environment() map[string]string {
	return map[string]string{
		"TEMPORAL_ADDRESS":                       s.Address,
		"TEMPORAL_CONFIG_FILE":                   s.ConfigFile,
		"TEMPORAL_NAMESPACE":                     s.Namespace,
		"TEMPORAL_API_KEY":                       s.APIKey,
		"TEMPORAL_TLS":                           s.TLS,
		"TEMPORAL_TLS_CLIENT_CERT_PATH":          s.ClientCertPath,
		"TEMPORAL_TLS_CLIENT_KEY_PATH":           s.ClientKeyPath,
		"TEMPORAL_TLS_SERVER_CA_CERT_PATH":       s.ServerCACertPath,
		"TEMPORAL_TLS_SERVER_NAME":               s.ServerName,
		"TEMPORAL_TLS_DISABLE_HOST_VERIFICATION": s.DisableVerification,
		"TEMPORAL_CLIENT_AUTHORITY":              s.Authority,
	}
}

// overlay is the process's environment with some variables replaced. A variable that is set but empty counts as
// unset: container platforms write those, and an empty address helps nobody.
type overlay map[string]string

func (o overlay) LookupEnv(key string) (string, bool) {
	if value := o[key]; value != "" {
		return value, true
	}
	value, _ := envconfig.EnvLookupOS.LookupEnv(key)
	return value, value != ""
}

// Environ serves only the lookup of TEMPORAL_GRPC_META_*, which has no setting; there an empty value removes a
// header and is kept.
func (o overlay) Environ() []string {
	var meta []string
	for _, entry := range envconfig.EnvLookupOS.Environ() {
		if strings.HasPrefix(entry, "TEMPORAL_GRPC_META_") {
			meta = append(meta, entry)
		}
	}
	return meta
}
