package app

import (
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	"everleaf/domain"
)

const (
	maxPort = 1<<16 - 1
	// maxTaskQueue leaves room for the suffixes of the roles' queues.
	maxTaskQueue = 900
	// A CA is asked about a certificate once a minute at the most, and once a day at least (RFC 9773 §4.3.2).
	minSweep, maxSweep = time.Minute, 24 * time.Hour

	maxListenerConnections = 100
)

// deliveryHost is what specs may call a host by.
var deliveryHost = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$`)

// Validate refuses settings that cannot work and that no adapter refuses by itself at start. Nobody is contacted. The
// fault is Operator "InvalidSetting"; it names flag, variable, value and fix. What the roles do not need is not looked
// at.
func (c Config) Validate() error {
	if len(c.Roles) == 0 {
		return invalidFault("roles", "", "choose one or more of "+JoinRoles(AllRoles())+", separated by commas")
	}
	if len(c.polling()) > 0 {
		if err := c.validateWork(); err != nil {
			return err
		}
	}
	if c.has(RoleResponder) && !isAddress(c.HTTP01.Listen, true) {
		return invalidFault("http01-listen", c.HTTP01.Listen,
			"use host:port, or :port for all addresses, for example :8402")
	}
	if c.ListenerConnections < 0 || c.ListenerConnections > maxListenerConnections {
		return invalidFault("listener-connections", strconv.Itoa(c.ListenerConnections),
			fmt.Sprintf("use 1 to %d", maxListenerConnections))
	}
	if c.has(RolePull) {
		if err := c.validatePull(); err != nil {
			return err
		}
	}
	if !isAddress(c.Ops.Listen, true) {
		return invalidFault("ops-listen", c.Ops.Listen, "use host:port, or :port for all addresses, for example :8401")
	}
	if c.has(RoleWorkflows) && c.SweepInterval != 0 && (c.SweepInterval < minSweep || c.SweepInterval > maxSweep) {
		return invalidFault("sweep-interval", c.SweepInterval.String(), fmt.Sprintf(
			"use %s to %s, or 0 to have no sweep scheduled; 10m suits", minSweep, maxSweep))
	}
	if need := c.StopBudget().Total(); c.TerminationGracePeriod > 0 && need > c.TerminationGracePeriod {
		return invalidFault("termination-grace-period", c.TerminationGracePeriod.String(), fmt.Sprintf(
			"a stop may take %s; give it that long, or lower --stop-timeout (EVERLEAF_STOP_TIMEOUT)", c.StopBudget()))
	}
	return nil
}

// validateWork is about what roles with a task queue need.
func (c Config) validateWork() error {
	if err := c.Temporal.validate(); err != nil {
		return err
	}
	if len(c.sealing()) > 0 && c.Sealing.KeyURL == "" {
		return domain.NewFault(domain.FaultOperator, domain.ReasonInvalidSetting, nil,
			"--sealing-key (EVERLEAF_SEALING_KEY) is missing: "+
				"the roles %s work with private keys sealed with it; give it, or leave these roles to other processes",
			c.needy())
	}
	if len(c.issuing()) > 0 {
		if err := c.validateIssuing(); err != nil {
			return err
		}
	}
	if c.DeliveryHost != "" && !deliveryHost.MatchString(c.DeliveryHost) {
		return invalidFault("delivery-host", c.DeliveryHost,
			`use the host as specs name it after "@": 1 to 63 of a-z, 0-9, "-" and ".", beginning and ending with a letter or digit`)
	}
	if err := c.validateTargets(); err != nil {
		return err
	}
	return c.Workers.validate()
}

// validateIssuing is about what the steps of an issuance need.
func (c Config) validateIssuing() error {
	switch {
	case c.HTTP01.CheckPort < 1 || c.HTTP01.CheckPort > maxPort:
		return invalidFault("http01-check-port", strconv.Itoa(c.HTTP01.CheckPort),
			"use a TCP port from 1 to 65535; public CAs look at 80")
	case c.HTTP01.Resolver != "" && !isAddress(c.HTTP01.Resolver, false):
		return invalidFault("http01-check-resolver", c.HTTP01.Resolver,
			"use host:port of a DNS server, for example 192.0.2.53:53, or leave it out")
	}
	if err := c.HTTP01.CheckAllow(); err != nil {
		return invalidFault("allow-addresses", strings.Join(c.HTTP01.Allow, ","), err.Error())
	}
	if err := c.validateDNS01(); err != nil {
		return err
	}
	return c.validateIssuers()
}

func (c Config) validateDNS01() error {
	if c.DNS01.CheckPort < 1 { // to the adapter, zero is the usual one
		return invalidFault("dns01-check-port", strconv.Itoa(c.DNS01.CheckPort),
			"use 1 to 65535; name servers are at 53")
	}
	if err := c.validateZones(); err != nil {
		return err
	}
	return c.DNS01.Validate()
}

func (c Config) validateIssuers() error {
	if len(c.Issuers) == 0 {
		return invalidFault("config", c.File, "its issuers are missing: name at least one CA")
	}
	for _, issuer := range c.Issuers {
		if err := issuer.Validate(); err != nil {
			return err
		}
	}
	return nil
}

// needy are the chosen roles that work with private keys.
func (c Config) needy() string {
	var names []Role
	for _, r := range c.sealing() {
		names = append(names, r.name)
	}
	return JoinRoles(names)
}

func (t Temporal) validate() error {
	switch {
	case t.TaskQueue == "" || t.TaskQueue != strings.TrimSpace(t.TaskQueue):
		return invalidFault("task-queue", t.TaskQueue,
			"name a task queue without spaces around it, or leave it out for everleaf")
	case len(t.TaskQueue) > maxTaskQueue:
		return invalidFault("task-queue", t.TaskQueue,
			fmt.Sprintf("use at most %d bytes: the roles' queues add to it, and the server takes 1000", maxTaskQueue))
	case strings.HasPrefix(t.TaskQueue, "__temporal_") || strings.HasPrefix(t.TaskQueue, "/_sys/"):
		return invalidFault("task-queue", t.TaskQueue,
			"names that begin with __temporal_ or /_sys/ are Temporal's own: choose another")
	}
	return nil
}

// isAddress reports whether it is host:port with a port in digits. To listen, the host may be left out and the port be
// 0, which lets the system choose.
func isAddress(address string, listen bool) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil || strings.ContainsAny(host, " \t/") || host == "" && !listen {
		return false
	}
	number, err := strconv.ParseUint(port, 10, 16)
	return err == nil && (number > 0 || listen)
}

// InvalidSetting is Validate's fault, for a value that a Config cannot distinguish from none.
func InvalidSetting(flag, value, fix string) error { return invalidFault(flag, value, fix) }

// invalidFault names a setting as people give it: the flag and its variable.
func invalidFault(flag, value, fix string) error {
	variable := "EVERLEAF_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
	return domain.NewFault(domain.FaultOperator, domain.ReasonInvalidSetting, nil, "--%s (%s) %q cannot work: %s", flag,
		variable, value, fix)
}
