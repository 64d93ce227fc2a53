package oci

import (
	"context"
	"slices"

	"github.com/oracle/oci-go-sdk/v65/common"

	"github.com/keyturn/keyturn/pkg/background"
	"github.com/keyturn/keyturn/pkg/credential"
)

// Connect begins to open connections to the services that a rotation of the kind is going to call: a connection costs two
// round trips, and there is time for them while others are being waited for. The services that come first are connected
// at once, the others when the home region is known. Of the secrets only those in known regions count, since they may be
// anybody's word. topic and metrics say whether a mail and figures are to be sent. A connection that isn't used is closed
// after idleTime.
func (c *Cloud) Connect(ctx context.Context, kind credential.Kind, secrets []string, topic string, metrics bool) {
	if len(secrets) == 0 && kind != credential.Password {
		secrets = []string{""} // of the function's own region
	}
	secrets = slices.DeleteFunc(slices.Clone(secrets), func(id string) bool { return !c.knows(regionOf(id)) })
	// The first to be asked for the tenancy opens a connection of its own. With a second one, user and credentials can
	// be read side by side then, in a function that is at home.
	if cl, err := c.identity(""); err == nil {
		c.network.open(cl.Host)
	}
	for _, id := range secrets {
		if cl, err := c.Vault().management(id); err == nil {
			c.network.open(cl.Host)
		}
	}
	background.Go(ctx, "opening connections", func() {
		_, _, home, err := c.Tenancy(ctx)
		if err != nil {
			return
		}
		for _, id := range secrets {
			if cl, err := c.Vault().retrieval(id); err == nil {
				c.network.open(cl.Host)
			}
		}
		switch kind {
		case credential.AuthToken:
			if hosts, err := c.Hosts(home, ""); err == nil {
				c.network.open("https://" + hosts.Registry)
			}
		case credential.CustomerSecretKey:
			namespace, err := c.Namespace(ctx)
			if err != nil {
				break
			}
			if hosts, err := c.Hosts(home, namespace); err == nil {
				c.network.open("https://" + hosts.S3)
			}
		}
		if cl, err := c.notifications(topic); err == nil {
			c.network.open(cl.Host)
		}
		if !metrics {
			return
		}
		if cl, err := c.monitoring(); err == nil {
			c.network.open(cl.Host)
		}
	})
}

// knows tells whether a region is the function's own or one of its realm that the SDK knows.
func (c *Cloud) knows(region string) bool {
	own, err := c.ownRegion()
	if err != nil {
		return false
	}
	if region == "" || region == own {
		return true
	}
	realm, err := common.Region(region).RealmID()
	ownRealm, _ := common.Region(own).RealmID() // "" if it isn't known
	return err == nil && realm == ownRealm
}
