package guard

import (
	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
)

// Kinds says which kind of credential each of Cloud Guard's four rules is about.
var Kinds = map[cloudguard.Rule]credential.Kind{
	cloudguard.APIKeyTooOld:    credential.APIKey,
	cloudguard.AuthTokenTooOld: credential.AuthToken,
	cloudguard.SecretKeyTooOld: credential.CustomerSecretKey,
	cloudguard.PasswordTooOld:  credential.Password,
}
