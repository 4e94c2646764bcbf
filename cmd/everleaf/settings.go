package main

import (
	"cmp"
	"log/slog"
	"time"

	"everleaf/app"
)

// Each group of settings is embedded by the commands that need it, and by no others.

type logSettings struct {
	LogFormat string `group:"log" env:"EVERLEAF_LOG_FORMAT" enum:"text,json" default:"text" placeholder:"text|json" help:"Format of log lines on stderr."`
	LogLevel  string `group:"log" env:"EVERLEAF_LOG_LEVEL" enum:"debug,info,warn,error" default:"info" placeholder:"debug|info|warn|error" help:"Least level that is logged."`
}

func (s logSettings) config() app.Log {
	var level slog.Level
	_ = level.UnmarshalText([]byte(s.LogLevel)) // kong has checked it against the enum
	return app.Log{Format: s.LogFormat, Level: level}
}

type postgresSettings struct {
	PostgresURL string `group:"postgres" env:"EVERLEAF_POSTGRES_URL" required:"" placeholder:"URL" help:"Database, as postgres://user:password@host:port/database?sslmode=verify-full. Prefer the variable: flags show in process lists."`
	unverifiedSetting
}

func (s postgresSettings) apply(c *app.Config) {
	c.Postgres.URL, c.Postgres.Reread = s.PostgresURL, app.Rereads("EVERLEAF_POSTGRES_URL", s.PostgresURL)
	s.unverifiedSetting.apply(c)
}

// unverifiedSetting goes with each database.
type unverifiedSetting struct {
	PostgresUnverified bool `group:"postgres" env:"EVERLEAF_POSTGRES_UNVERIFIED" help:"Connect to a database on another host also where sslmode is below verify-full, so that nobody checks whose it is: for a mesh that protects the way."`
}

func (s unverifiedSetting) apply(c *app.Config) { c.Postgres.Unverified = s.PostgresUnverified }

// storedSettings are for commands that ask Postgres only for what no workflow keeps.
type storedSettings struct {
	StoredURL string `name:"postgres-url" group:"postgres" env:"EVERLEAF_POSTGRES_URL" placeholder:"URL" help:"Database, which is asked for the spec of a certificate that no workflow keeps any more."`
	unverifiedSetting
	startSettings
}

func (s storedSettings) apply(c *app.Config) {
	c.Postgres.URL = s.StoredURL
	s.unverifiedSetting.apply(c)
	s.startSettings.apply(c)
}

type startSettings struct {
	StartTimeout duration `group:"timing" env:"EVERLEAF_START_TIMEOUT" default:"30s" placeholder:"DURATION" help:"How long to wait for Postgres, and for Temporal, to answer at start."`
}

func (s startSettings) apply(c *app.Config) { c.StartTimeout = time.Duration(s.StartTimeout) }

type telemetrySettings struct {
	FleetStatsInterval duration `group:"telemetry" env:"EVERLEAF_FLEET_STATS_INTERVAL" default:"1m" placeholder:"DURATION" help:"Least time between two counts of all certificates for /metrics; raise it where a count is slow."`
}

func (s telemetrySettings) apply(c *app.Config) {
	c.FleetStatsInterval = time.Duration(s.FleetStatsInterval)
}

type sweepSettings struct {
	SweepInterval interval `group:"timing" env:"EVERLEAF_SWEEP_INTERVAL" default:"10m" placeholder:"DURATION" help:"How often the whole fleet is looked after: CAs are asked again when to renew, and targets are looked at. 0 leaves the schedule as it is, and makes none."`
}

func (s sweepSettings) apply(c *app.Config) { c.SweepInterval = time.Duration(s.SweepInterval) }

type sealingSettings struct {
	SealingKey string `group:"sealing" env:"EVERLEAF_SEALING_KEY" required:"" placeholder:"URL" help:"Key that seals private keys at rest: file:///path (32 random bytes, base64), or awskms://, gcpkms://, azurekeyvault://, hashivault:// as in gocloud.dev/secrets."`
	oldSealingSettings
}

func (s sealingSettings) apply(c *app.Config) {
	c.Sealing.KeyURL = s.SealingKey
	s.oldSealingSettings.apply(c)
}

type oldSealingSettings struct {
	SealingKeysOld []string `group:"sealing" env:"EVERLEAF_SEALING_KEYS_OLD" placeholder:"URL,…" help:"Other keys that open what they have sealed, separated by commas. To rotate: give every worker the new key here, then swap the two settings everywhere, then run everleaf reseal; when it says that nothing is left, take the former key out."`
}

func (s oldSealingSettings) apply(c *app.Config) { c.Sealing.OldKeyURLs = s.SealingKeysOld }

type temporalSettings struct {
	TemporalAddress             string `group:"temporal" env:"TEMPORAL_ADDRESS" placeholder:"HOST:PORT" help:"Temporal's address; else the profile's, else localhost:7233."`
	TemporalNamespace           string `group:"temporal" env:"TEMPORAL_NAMESPACE" placeholder:"NAME" help:"Namespace; else the profile's, else default."`
	TemporalProfile             string `group:"temporal" env:"TEMPORAL_PROFILE" placeholder:"NAME" help:"Profile in the configuration file; else default."`
	TemporalConfigFile          string `group:"temporal" env:"TEMPORAL_CONFIG_FILE" placeholder:"PATH" help:"Configuration file; else temporalio/temporal.toml in the user's configuration directory."`
	TemporalAPIKey              string `name:"temporal-api-key" group:"temporal" env:"TEMPORAL_API_KEY" placeholder:"KEY" help:"API key; turns TLS on. Prefer the variable: flags show in process lists."`
	TemporalTLS                 string `name:"temporal-tls" group:"temporal" env:"TEMPORAL_TLS" placeholder:"true|false" help:"Whether to use TLS."`
	TemporalTLSClientCertPath   string `name:"temporal-tls-client-cert-path" group:"temporal" env:"TEMPORAL_TLS_CLIENT_CERT_PATH" placeholder:"PATH" help:"Client certificate for mTLS, PEM."`
	TemporalTLSClientKeyPath    string `name:"temporal-tls-client-key-path" group:"temporal" env:"TEMPORAL_TLS_CLIENT_KEY_PATH" placeholder:"PATH" help:"Its private key, PEM."`
	TemporalTLSServerCACertPath string `name:"temporal-tls-server-ca-cert-path" group:"temporal" env:"TEMPORAL_TLS_SERVER_CA_CERT_PATH" placeholder:"PATH" help:"Roots for the server's certificate, PEM; else the system's."`
	TemporalTLSServerName       string `name:"temporal-tls-server-name" group:"temporal" env:"TEMPORAL_TLS_SERVER_NAME" placeholder:"NAME" help:"Server name to expect in its certificate."`
	TemporalTLSDisableHost      string `name:"temporal-tls-disable-host-verification" group:"temporal" env:"TEMPORAL_TLS_DISABLE_HOST_VERIFICATION" placeholder:"true|false" help:"Accept any server certificate."`
	TemporalClientAuthority     string `group:"temporal" env:"TEMPORAL_CLIENT_AUTHORITY" placeholder:"NAME" help:"Value of the :authority header."`

	TaskQueue string `group:"temporal" env:"EVERLEAF_TASK_QUEUE" default:"everleaf" placeholder:"NAME" help:"Task queue where workers poll."`
}

func (s temporalSettings) apply(c *app.Config) {
	t := &c.Temporal.Settings
	t.Address, t.Namespace, t.Profile, t.ConfigFile = s.TemporalAddress, s.TemporalNamespace, s.TemporalProfile,
		s.TemporalConfigFile
	t.APIKey, t.TLS, t.Authority = s.TemporalAPIKey, s.TemporalTLS, s.TemporalClientAuthority
	t.RereadAPIKey = app.Rereads("TEMPORAL_API_KEY", s.TemporalAPIKey)
	t.ClientCertPath, t.ClientKeyPath = s.TemporalTLSClientCertPath, s.TemporalTLSClientKeyPath
	t.ServerCACertPath, t.ServerName = s.TemporalTLSServerCACertPath, s.TemporalTLSServerName
	t.DisableVerification = s.TemporalTLSDisableHost
	c.Temporal.TaskQueue = s.TaskQueue
}

type acmeSettings struct {
	Config        string   `group:"acme" env:"EVERLEAF_CONFIG" placeholder:"PATH" help:"YAML file with issuers, for several or for credentials, in place of the settings below; and with delivery targets and the DNS zones of dns-01."`
	Issuer        string   `group:"acme" env:"EVERLEAF_ISSUER" placeholder:"NAME" help:"Name of the one CA in certificates' specs; else default."`
	ACMEDirectory string   `name:"acme-directory" group:"acme" env:"EVERLEAF_ACME_DIRECTORY" placeholder:"URL" help:"The CA's ACME directory, https; else Let's Encrypt's."`
	ACMEEmail     string   `name:"acme-email" group:"acme" env:"EVERLEAF_ACME_EMAIL" placeholder:"ADDRESS" help:"Contact of the ACME account."`
	ACMECABundle  string   `name:"acme-ca-bundle" group:"acme" env:"EVERLEAF_ACME_CA_BUNDLE" placeholder:"PATH" help:"Roots for the CA's own web server, PEM; else the system's."`
	ACMETimeout   duration `name:"acme-timeout" group:"acme" env:"EVERLEAF_ACME_TIMEOUT" placeholder:"DURATION" help:"Limit of one call to the CA; else 10s."`
}

// apply makes the one issuer of the flags; load replaces it where there is a file.
func (s acmeSettings) apply(c *app.Config) {
	c.Issuers = []app.Issuer{{
		Issuer: cmp.Or(s.Issuer, "default"), Directory: cmp.Or(s.ACMEDirectory, app.LetsEncrypt), Email: s.ACMEEmail,
		CABundle: s.ACMECABundle, Timeout: time.Duration(s.ACMETimeout),
	}}
}

// load reads what c's roles need of the file, if one is given.
func (s acmeSettings) load(c *app.Config) error {
	if s.Config == "" {
		return nil
	}
	for _, flag := range []struct{ name, value string }{
		{"issuer", s.Issuer}, {"acme-directory", s.ACMEDirectory}, {"acme-email", s.ACMEEmail},
		{"acme-ca-bundle", s.ACMECABundle},
		{"acme-timeout", s.ACMETimeout.String()},
	} {
		if flag.value != "" && c.NeedsIssuers() {
			return app.InvalidSetting(flag.name, flag.value,
				"the issuers are those of the file in --config (EVERLEAF_CONFIG): say it there and leave this out")
		}
	}
	return c.ReadFile(s.Config, app.Variable)
}

type http01Settings struct {
	HTTP01Listen        string   `name:"http01-listen" group:"http01" env:"EVERLEAF_HTTP01_LISTEN" default:":8402" placeholder:"HOST:PORT" help:"Where the responder listens; route /.well-known/acme-challenge/ of port 80 here."`
	HTTP01CheckPort     int      `name:"http01-check-port" group:"http01" env:"EVERLEAF_HTTP01_CHECK_PORT" default:"80" placeholder:"PORT" help:"TCP port at which a challenge is checked before the CA validates it."`
	AllowAddresses      []string `name:"allow-addresses" group:"http01" env:"EVERLEAF_ALLOW_ADDRESSES" placeholder:"RANGE,…" help:"Addresses that are not public, as 10.0.0.0/8 or fd00::/8, and that the check may connect to all the same. Without it, a name that leads into a network of yours, to this host or to a cloud's metadata service is not followed there; an internal CA's names need it."`
	HTTP01CheckResolver string   `name:"http01-check-resolver" group:"http01" env:"EVERLEAF_HTTP01_CHECK_RESOLVER" placeholder:"HOST:PORT" help:"DNS server that the check asks; else the system's."`
}

func (s http01Settings) apply(c *app.Config) {
	c.HTTP01.Listen, c.HTTP01.CheckPort, c.HTTP01.Resolver = s.HTTP01Listen, s.HTTP01CheckPort, s.HTTP01CheckResolver
	c.HTTP01.Allow = s.AllowAddresses
}

type dns01Settings struct {
	DNS01Resolver  string `name:"dns01-resolver" group:"dns01" env:"EVERLEAF_DNS01_RESOLVER" placeholder:"HOST[:PORT]" help:"Recursive DNS server that is asked for CNAMEs and name servers; else the system's."`
	DNS01Check     string `name:"dns01-check" group:"dns01" env:"EVERLEAF_DNS01_CHECK" enum:"authoritative,recursive" default:"authoritative" placeholder:"authoritative|recursive" help:"Who must see a record before the CA validates it: each authoritative server, or, where the network lets no other DNS out, the recursive one alone."`
	DNS01CheckPort int    `name:"dns01-check-port" group:"dns01" env:"EVERLEAF_DNS01_CHECK_PORT" default:"53" placeholder:"PORT" help:"Port at which authoritative servers are asked."`
}

func (s dns01Settings) apply(c *app.Config) {
	c.DNS01.Resolver, c.DNS01.Check, c.DNS01.CheckPort = s.DNS01Resolver, app.DNSCheck(s.DNS01Check), s.DNS01CheckPort
}

type deliverySettings struct {
	DeliveryHost string `group:"delivery" env:"EVERLEAF_DELIVERY_HOST" placeholder:"HOST" help:"Deliver to targets on this host alone, which specs name as target@HOST; else to those without a host."`
}

func (s deliverySettings) apply(c *app.Config) { c.DeliveryHost = s.DeliveryHost }

type opsSettings struct {
	OpsListen        string   `group:"ops" env:"EVERLEAF_OPS_LISTEN" default:":8401" placeholder:"HOST:PORT" help:"Where /livez, /readyz and /metrics are answered; for the platform's own network only."`
	CredentialsGrace duration `group:"ops" env:"EVERLEAF_CREDENTIALS_GRACE" default:"1m" placeholder:"DURATION" help:"How long Temporal may refuse this worker's credentials, without accepting them once, before the process ends and says so."`
}

func (s opsSettings) apply(c *app.Config) {
	c.Ops.Listen, c.Temporal.CredentialsGrace = s.OpsListen, time.Duration(s.CredentialsGrace)
}

type pullSettings struct {
	PullListen      string `group:"pull" env:"EVERLEAF_PULL_LISTEN" placeholder:"HOST:PORT" help:"Where the role pull serves certificates and keys over TLS, for example :8403; else it serves nobody."`
	PullCertificate string `group:"pull" env:"EVERLEAF_PULL_CERTIFICATE" placeholder:"PATH" help:"The pull listener's own certificate and chain, PEM; read again when it changes."`
	PullKey         string `group:"pull" env:"EVERLEAF_PULL_KEY" placeholder:"PATH" help:"Its private key, PEM."`
	PullClientCA    string `name:"pull-client-ca" group:"pull" env:"EVERLEAF_PULL_CLIENT_CA" placeholder:"PATH" help:"Roots of client certificates, PEM; without them only the one-time tokens of webhooks are served."`
}

func (s pullSettings) apply(c *app.Config) {
	c.Pull.Listen, c.Pull.Certificate, c.Pull.Key, c.Pull.ClientCA = s.PullListen, s.PullCertificate, s.PullKey,
		s.PullClientCA
}
