# What the stack needs to know about each kind of credential. Generated from pkg/credential:
# go test ./test/terraform -update
locals {
  kinds = {
    "api-key" = {
      rule        = "API_KEY_TOO_OLD"
      permissions = "USER_APIKEY_ADD, USER_APIKEY_REMOVE"
      operations  = ["UploadApiKey", "DeleteApiKey"]
      roles       = ["bundle", "private-key"]
      origin      = "local"
      endpoint    = ""
    }
    "auth-token" = {
      rule        = "AUTH_TOKEN_TOO_OLD"
      permissions = "USER_AUTHTOKEN_SET, USER_AUTHTOKEN_REMOVE"
      operations  = ["CreateAuthToken", "DeleteAuthToken"]
      roles       = ["bundle", "auth-token"]
      origin      = "server"
      endpoint    = "registry"
    }
    "customer-secret-key" = {
      rule        = "SECRET_KEY_TOO_OLD"
      permissions = "USER_SECRETKEY_ADD, USER_SECRETKEY_REMOVE"
      operations  = ["CreateCustomerSecretKey", "CreateSecretKey", "DeleteCustomerSecretKey"]
      roles       = ["bundle", "secret-key", "access-key"]
      origin      = "server"
      endpoint    = "s3"
    }
    "password" = {
      rule        = "PASSWORD_TOO_OLD"
      permissions = "USER_UIPASS_RESET"
      operations  = ["CreateOrResetUIPassword"]
      roles       = ["bundle", "password"]
      origin      = "reset"
      endpoint    = ""
    }
  }
  kind_names = ["api-key", "auth-token", "customer-secret-key", "password"]
  kinds_on   = [for k in local.kind_names : k if contains(var.kinds, k)]
  roles      = distinct(flatten([for k in local.kind_names : local.kinds[k].roles]))

  # A pair of plain secrets holds one credential: each half's role, with that of the other half.
  other_half = {
    "secret-key" = "access-key"
    "access-key" = "secret-key"
  }
}
