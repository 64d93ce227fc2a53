module github.com/keyturn/keyturn

go 1.26.8

require (
	github.com/aws/aws-sdk-go-v2 v1.36.3
	github.com/fnproject/fdk-go v0.0.63
	github.com/oracle/oci-go-sdk/v65 v65.129.0
	github.com/rs/zerolog v1.35.1
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.2
	gopkg.in/yaml.v3 v3.0.1
)

require (
	github.com/aws/smithy-go v1.22.2 // indirect
	github.com/gofrs/flock v0.10.0 // indirect
	github.com/mattn/go-colorable v0.1.14 // indirect
	github.com/mattn/go-isatty v0.0.20 // indirect
	github.com/sony/gobreaker/v2 v2.4.0 // indirect
	github.com/youmark/pkcs8 v0.0.0-20240726163527-a2c0da244d78 // indirect
	golang.org/x/crypto v0.56.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
	golang.org/x/text v0.41.0 // indirect
)
