package ociemu

import "strings"

// regionKeys maps the regions of the commercial realm to their 3-letter keys
// (https://docs.oracle.com/en-us/iaas/Content/General/Concepts/regions.htm).
var regionKeys = map[string]string{
	"af-johannesburg-1": "JNB", "ap-batam-1": "HSG", "ap-chuncheon-1": "YNY", "ap-hyderabad-1": "HYD",
	"ap-melbourne-1": "MEL",
	"ap-mumbai-1":    "BOM", "ap-osaka-1": "KIX", "ap-seoul-1": "ICN", "ap-singapore-1": "SIN", "ap-singapore-2": "XSP",
	"ap-sydney-1": "SYD", "ap-tokyo-1": "NRT", "ca-montreal-1": "YUL", "ca-toronto-1": "YYZ", "eu-amsterdam-1": "AMS",
	"eu-frankfurt-1": "FRA", "eu-madrid-1": "MAD", "eu-marseille-1": "MRS", "eu-milan-1": "LIN", "eu-paris-1": "CDG",
	"eu-stockholm-1": "ARN", "eu-zurich-1": "ZRH", "il-jerusalem-1": "MTZ", "me-abudhabi-1": "AUH", "me-dubai-1": "DXB",
	"me-jeddah-1": "JED", "me-riyadh-1": "RUH", "mx-monterrey-1": "MTY", "mx-queretaro-1": "QRO", "sa-bogota-1": "BOG",
	"sa-santiago-1": "SCL", "sa-saopaulo-1": "GRU", "sa-valparaiso-1": "VAP", "sa-vinhedo-1": "VCP",
	"uk-cardiff-1": "CWL",
	"uk-london-1":  "LHR", "us-ashburn-1": "IAD", "us-chicago-1": "ORD", "us-phoenix-1": "PHX", "us-sanjose-1": "SJC",
}

// regionKey returns the key in capitals, as Identity writes it ("IAD").
func regionKey(region string) string { return regionKeys[region] }

// regionInOCID returns the region part of an OCID: the key for Ashburn and Phoenix, the name for all others.
func regionInOCID(region string) string {
	if region == "us-ashburn-1" || region == "us-phoenix-1" {
		return strings.ToLower(regionKeys[region])
	}
	return region
}

// regionOfRegistryKey resolves the key in a registry host name such as iad.ocir.io.
func regionOfRegistryKey(key string) string {
	for name, k := range regionKeys {
		if strings.EqualFold(k, key) {
			return name
		}
	}
	return ""
}

// target is what a host name refers to.
type target struct {
	service   string
	region    string
	host      string
	namespace string // only for the S3-compatible API
	vault     string // label of a vault; only for its own hosts
}

// lookupHost resolves a host name of the commercial realm, as the SDKs build it. It fails for unknown services and
// regions.
func lookupHost(host string) (target, bool) {
	if key, ok := strings.CutSuffix(host, ".ocir.io"); ok {
		region := regionOfRegistryKey(key)
		return target{service: "registry", region: region, host: host}, region != ""
	}
	name, ok := strings.CutSuffix(host, ".oraclecloud.com")
	if !ok {
		return target{}, false
	}
	name = strings.TrimSuffix(name, ".oci")
	// <application>.<region>.functions: where functions are invoked
	if label, ok := strings.CutSuffix(name, ".functions"); ok {
		_, region, _ := strings.Cut(label, ".")
		return target{service: "functionsinvoke", region: region, host: host}, regionKeys[region] != ""
	}
	service, region := name, ""
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		service, region = name[:i], name[i+1:]
	}
	if _, known := regionKeys[region]; !known {
		return target{}, false
	}
	t := target{region: region, host: host}
	switch service {
	case "identity", "events", "objectstorage", "functions", "kms", "artifacts":
		t.service = service
	case "vaults":
		t.service = "vault"
	case "secrets.vaults":
		t.service = "secrets"
	case "notification":
		t.service = "ons"
	case "cloudguard-cp-api":
		t.service = "cloudguard"
	case "ocir":
		t.service = "registry"
	case "telemetry-ingestion":
		t.service = "monitoring"
	default:
		if domain, isCollector := strings.CutSuffix(service, ".apm-agt"); isCollector && domain != "" &&
			!strings.Contains(domain, ".") {
			t.service = "apm"
			return t, true
		}
		if name, label, isVault := kmsHost(service); isVault {
			t.service, t.vault = name, label
			return t, true
		}
		namespace, isS3 := strings.CutSuffix(service, ".compat.objectstorage")
		if !isS3 || namespace == "" || strings.Contains(namespace, ".") {
			return target{}, false
		}
		t.service, t.namespace = "s3", namespace
	}
	return t, true
}
