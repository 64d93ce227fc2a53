package oci

import (
	"fmt"

	"github.com/oracle/oci-go-sdk/v65/common"
)

// Login says with whose rights an operator's command signs its calls.
type Login struct {
	File    string // the OCI CLI's configuration file; "" for ~/.oci/config
	Profile string // "" for DEFAULT
	Region  string // replaces the profile's region; "" keeps it
}

// NewAs returns a Cloud that signs as an operator. It reads the configuration file, and makes no call.
func NewAs(l Login) (*Cloud, error) {
	p, err := common.ConfigurationProviderFromFileWithProfile(l.File, l.Profile, "")
	if err != nil {
		return nil, fmt.Errorf("reading profile %s of %s: %w", l.Profile, l.File, err)
	}
	return NewWith(p), nil
}
