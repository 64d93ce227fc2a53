// Drives the emulator's plain origin with Oracle's own JavaScript SDK: a client that was not written with the emulator in mind.
// clients_test.go starts the emulator, seeds it and sets the environment that is read here.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import cloudguard from "oci-cloudguard";
import common from "oci-common";
import identity from "oci-identity";
import domains from "oci-identitydomains";
import ons from "oci-ons";
import secrets from "oci-secrets";
import vault from "oci-vault";

function need(name) {
  const value = process.env[name];
  assert.ok(value, `${name} is not set: run this through "go test ./test/clients"`);
  return value;
}

const url = need("OCIEMU_URL");
const tenancy = need("OCIEMU_TENANCY");
const userId = need("OCIEMU_USER");
const secretId = need("OCIEMU_SECRET");
const topicId = need("OCIEMU_TOPIC");
const problemId = need("OCIEMU_PROBLEM");

function client(type, provider = new common.ConfigFileAuthenticationDetailsProvider(need("OCIEMU_CONFIG_FILE"), "DEFAULT")) {
  const made = new type(
    { authenticationDetailsProvider: provider },
    { retryConfiguration: { terminationStrategy: new common.MaxAttemptsTerminationStrategy(1) } },
  );
  made.endpoint = url;
  return made;
}

async function refusal(promise, status, code) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.statusCode, status);
    assert.equal(error.serviceCode, code);
    assert.ok(error.opcRequestId);
    return true;
  });
}

test("the tenancy names its home region", async () => {
  const got = await client(identity.IdentityClient).getTenancy({ tenancyId: tenancy });
  assert.equal(got.tenancy.homeRegionKey, "IAD");
});

test("an API key is uploaded, listed and deleted", async () => {
  const iam = client(identity.IdentityClient);
  const pair = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const up = await iam.uploadApiKey({ userId, createApiKeyDetails: { key: pair.publicKey } });
  assert.equal(up.apiKey.keyId, `${tenancy}/${userId}/${up.apiKey.fingerprint}`);
  await refusal(iam.uploadApiKey({ userId, createApiKeyDetails: { key: pair.publicKey } }), 409, "Conflict");
  const listed = await iam.listApiKeys({ userId });
  assert.deepEqual(listed.items.map((k) => k.fingerprint), [up.apiKey.fingerprint]);
  await iam.deleteApiKey({ userId, fingerprint: up.apiKey.fingerprint });
  assert.deepEqual((await iam.listApiKeys({ userId })).items, []);
});

test("an auth token's value is told once", async () => {
  const iam = client(identity.IdentityClient);
  const made = await iam.createAuthToken({ userId, createAuthTokenDetails: { description: "one" } });
  assert.equal(made.authToken.token.length, 20);
  await iam.createAuthToken({ userId, createAuthTokenDetails: { description: "two" } });
  await refusal(iam.createAuthToken({ userId, createAuthTokenDetails: { description: "three" } }), 400, "IdcsConversionError");
  const listed = await iam.listAuthTokens({ userId });
  assert.deepEqual(listed.items.map((t) => [t.description, t.token ?? null]), [["one", null], ["two", null]]);
});

test("a customer secret key has its access key as id", async () => {
  const iam = client(identity.IdentityClient);
  const made = await iam.createCustomerSecretKey({ userId, createCustomerSecretKeyDetails: { displayName: "backup" } });
  assert.ok(made.customerSecretKey.key);
  const listed = await iam.listCustomerSecretKeys({ userId });
  assert.deepEqual(listed.items.map((k) => k.id), [made.customerSecretKey.id]);
});

test("a password reset tells a one-time password", async () => {
  const got = await client(identity.IdentityClient).createOrResetUIPassword({ userId });
  assert.ok(got.uIPassword.password);
});

test("a domain's own API makes, lists, changes and deletes a token of the same user", async () => {
  const scim = client(domains.IdentityDomainsClient);
  const schemas = ["urn:ietf:params:scim:schemas:oracle:idcs:authToken"];
  const owner = need("OCIEMU_DOMAIN_USER");
  const made = await scim.createAuthToken({ authToken: { schemas, description: "scim", user: { ocid: owner } } });
  assert.equal(made.authToken.token.length, 20);
  const filter = `user.ocid eq "${owner}"`;
  const listed = await scim.listAuthTokens({ filter, count: 500, attributes: "description,user" });
  assert.equal(listed.authTokens.totalResults, 1);
  const classic = await client(identity.IdentityClient).listAuthTokens({ userId: owner });
  assert.deepEqual(classic.items.map((t) => t.id), [made.authToken.ocid]);
  const changed = await scim.patchAuthToken({
    authTokenId: made.authToken.id,
    ifMatch: made.etag,
    patchOp: {
      schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
      operations: [{ op: "REPLACE", path: "description", value: "changed" }],
    },
  });
  assert.equal(changed.authToken.description, "changed");
  await assert.rejects(scim.deleteAuthToken({ authTokenId: made.authToken.id, ifMatch: made.etag }), { statusCode: 412 });
  await scim.deleteAuthToken({ authTokenId: made.authToken.id, ifMatch: changed.etag });
  await assert.rejects(scim.getAuthToken({ authTokenId: made.authToken.id }), { statusCode: 404 });
  const users = await scim.listUsers({ filter: 'userName eq "joe@example.com"' });
  assert.equal(users.users.totalResults, 1);
});

const oracle = "urn:ietf:params:scim:schemas:oracle:idcs:";
const patchOf = (path, value) => ({
  schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
  operations: [{ op: "REPLACE", path, value }],
});

function newKey() {
  return generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  }).publicKey;
}

test("every kind of credential of a domain is made, listed, changed, read and deleted", async () => {
  const scim = client(domains.IdentityDomainsClient);
  const owner = need("OCIEMU_DOMAIN_USER");
  const value = (await scim.listUsers({ filter: `ocid eq "${owner}"` })).users.resources[0].id;
  const user = { value, ocid: owner };
  const kinds = [
    ["ApiKey", "apikey", { key: newKey() }, undefined],
    ["CustomerSecretKey", "customerSecretKey", { displayName: "scim" }, "secretKey"],
    ["SmtpCredential", "smtpCredential", {}, "password"],
    ["OAuth2ClientCredential", "oauth2ClientCredential", { name: "ci", scopes: [{ audience: "a", scope: "s" }] }, "secret"],
    ["UserDbCredential", "UserDbCredentials", { dbPassword: "Chosen-by-1" }, undefined],
  ];
  for (const [kind, schema, more, secret] of kinds) {
    const name = kind[0].toLowerCase() + kind.slice(1);
    const body = { schemas: [oracle + schema], description: "one", user, ...more };
    const made = (await scim[`create${kind}`]({ [name]: body }))[name];
    assert.equal(made.description, "one", kind);
    if (secret) {
      assert.ok(made[secret], kind);
    }
    const listed = (await scim[`list${kind}s`]({ filter: `user.ocid eq "${owner}"`, sortBy: "ocid" }))[`${name}s`];
    assert.deepEqual(listed.resources.map((one) => [one.id, one[secret]]), [[made.id, undefined]], kind);
    if (kind !== "UserDbCredential") {
      const changed = await scim[`patch${kind}`]({ [`${name}Id`]: made.id, patchOp: patchOf("description", "two") });
      assert.equal(changed[name].description, "two", kind);
    }
    assert.equal((await scim[`get${kind}`]({ [`${name}Id`]: made.id }))[name].user.ocid, owner, kind);
    await scim[`delete${kind}`]({ [`${name}Id`]: made.id });
    await assert.rejects(scim[`get${kind}`]({ [`${name}Id`]: made.id }), { statusCode: 404 }, kind);
  }
});

test("a user manages its own credentials in its domain", async () => {
  const scim = client(domains.IdentityDomainsClient);
  const made = await scim.createMyAuthToken({ myAuthToken: { schemas: [`${oracle}authToken`], description: "mine" } });
  const listed = await scim.listMyAuthTokens({});
  assert.deepEqual(listed.myAuthTokens.resources.map((one) => one.id), [made.myAuthToken.id]);
  await scim.deleteMyAuthToken({ myAuthTokenId: made.myAuthToken.id });
  assert.equal((await scim.listMyApiKeys({})).myApiKeys.totalResults, 1);
});

test("a domain changes and resets a password without telling it", async () => {
  const scim = client(domains.IdentityDomainsClient);
  const listed = await scim.listUsers({ filter: `ocid eq "${need("OCIEMU_DOMAIN_USER")}"`, attributes: "ocid" });
  const id = listed.users.resources[0].id;
  const changer = { schemas: [`${oracle}UserPasswordChanger`], bypassNotification: true };
  const change = (password) =>
    scim.putUserPasswordChanger({ userPasswordChangerId: id, userPasswordChanger: { ...changer, password } });
  await assert.rejects(change("weak"), { statusCode: 400 });
  assert.equal((await change("Correct-Horse-7")).userPasswordChanger.password, undefined);
  const reset = await scim.putUserPasswordResetter({
    userPasswordResetterId: id,
    userPasswordResetter: { schemas: [`${oracle}UserPasswordResetter`] },
  });
  assert.equal(reset.userPasswordResetter.oneTimePassword, undefined);
  const one = await scim.getUser({
    userId: id,
    attributes: `${oracle}extension:passwordState:User:lastSuccessfulSetDate`,
  });
  assert.ok(one.user[`${oracle}extension:passwordState:User`] ?? one.user.urnIetfParamsScimSchemasOracleIdcsExtensionPasswordStateUser);
});

test("a domain's lists come in pages, and a wrong request is refused", async () => {
  const scim = client(domains.IdentityDomainsClient);
  const names = [];
  for (let startIndex = 1; ; startIndex += 1) {
    const page = (await scim.listUsers({ count: 1, startIndex, sortBy: "userName" })).users;
    names.push(...page.resources.map((one) => one.userName));
    if (startIndex >= page.totalResults) {
      break;
    }
  }
  assert.deepEqual(names, ["ada", "jane@example.com", "jim@example.com", "joe@example.com"]);
  await assert.rejects(scim.listUsers({ count: 1001 }), { statusCode: 400 });
  await assert.rejects(scim.listAuthTokens({ filter: 'description eq "x"' }), { statusCode: 400 });
  await assert.rejects(scim.createAuthToken({ authToken: { schemas: [`${oracle}authToken`] } }), { statusCode: 400 });
});

test("the secret of an app is read", async () => {
  const scim = client(domains.IdentityDomainsClient);
  const got = await scim.getApp({ appId: need("OCIEMU_APP") });
  assert.ok(got.app.clientSecret);
});

test("groups, policies and compartments are listed", async () => {
  const iam = client(identity.IdentityClient);
  const groups = (await iam.listGroups({ compartmentId: tenancy })).items;
  assert.deepEqual(groups.map((one) => one.name), ["Administrators", "Ops"]);
  const members = await iam.listUserGroupMemberships({ compartmentId: tenancy, groupId: groups[1].id });
  assert.deepEqual(members.items.map((one) => one.userId), [need("OCIEMU_DOMAIN_USER")]);
  const policies = (await iam.listPolicies({ compartmentId: tenancy })).items;
  assert.match(policies[0].statements[0], /administrators to manage all-resources/i);
  const compartments = (await iam.listCompartments({ compartmentId: tenancy, compartmentIdInSubtree: true })).items;
  assert.deepEqual(compartments.map((one) => [one.name, one.lifecycleState]), [["dev", "ACTIVE"]]);
  const regions = (await iam.listRegionSubscriptions({ tenancyId: tenancy })).items;
  assert.deepEqual(regions.filter((one) => one.isHomeRegion).map((one) => one.regionName), ["us-ashburn-1"]);
  const scim = client(domains.IdentityDomainsClient);
  const found = (await scim.listGroups({ filter: 'displayName eq "Ops"' })).groups.resources[0];
  assert.equal(found.ocid, groups[1].id);
  const whole = (await scim.getGroup({ groupId: found.id, attributes: "members" })).group;
  assert.deepEqual(whole.members.map((one) => one.ocid), [need("OCIEMU_DOMAIN_USER")]);
});

test("credentials of the other kinds are listed without their values", async () => {
  const iam = client(identity.IdentityClient);
  const of = { userId: need("OCIEMU_OTHERS_USER") };
  const smtp = (await iam.listSmtpCredentials(of)).items;
  assert.deepEqual(smtp.map((one) => one.description), ["mail"]);
  const clientsOfUser = (await iam.listOAuthClientCredentials(of)).items;
  assert.deepEqual(clientsOfUser.map((one) => one.name), ["client"]);
  assert.equal((await iam.listDbCredentials(of)).items.length, 1);
});

test("open problems are listed", async () => {
  const guard = client(cloudguard.CloudGuardClient);
  const list = { compartmentId: tenancy, lifecycleDetail: "OPEN", detectorRuleIdList: ["API_KEY_TOO_OLD"] };
  assert.deepEqual((await guard.listProblems(list)).problemCollection.items.map((one) => one.id), [problemId]);
});

test("a version is staged, read as PENDING, promoted and read as CURRENT", async () => {
  const manage = client(vault.VaultsClient);
  const read = client(secrets.SecretsClient);
  const staged = await manage.updateSecret({
    secretId,
    updateSecretDetails: {
      secretContent: { contentType: "BASE64", content: Buffer.from("second").toString("base64"), name: "v2", stage: "PENDING" },
    },
  });
  assert.equal(staged.secret.currentVersionNumber, 1);
  const pending = await read.getSecretBundle({ secretId, secretVersionName: "v2" });
  assert.deepEqual(pending.secretBundle.stages, ["PENDING", "LATEST"]);
  await refusal(manage.updateSecret({ secretId, ifMatch: "stale", updateSecretDetails: { currentVersionNumber: 2 } }), 412, "NoEtagMatch");
  await manage.updateSecret({ secretId, ifMatch: staged.etag, updateSecretDetails: { currentVersionNumber: 2 } });
  const current = await read.getSecretBundle({ secretId });
  assert.equal(Buffer.from(current.secretBundle.secretBundleContent.content, "base64").toString(), "second");
  const versions = await manage.listSecretVersions({ secretId });
  assert.deepEqual(versions.items.map((v) => [v.versionNumber, v.stages]), [[2, ["CURRENT", "LATEST"]], [1, ["PREVIOUS"]]]);
});

test("lists are read page by page to their end", async () => {
  const names = [];
  for await (const secret of client(vault.VaultsClient).listSecretsRecordIterator({ compartmentId: tenancy, limit: 1 })) {
    names.push(secret.secretName);
  }
  assert.deepEqual(names.sort(), ["one", "two"]);
});

test("a message is published and a topic that is not there is refused", async () => {
  const publisher = client(ons.NotificationDataPlaneClient);
  const got = await publisher.publishMessage({ topicId, messageDetails: { title: "hello", body: "from JavaScript" } });
  assert.ok(got.publishResult.messageId);
  await refusal(publisher.publishMessage({ topicId: `${topicId}x`, messageDetails: { body: "lost" } }), 404, "NotAuthorizedOrNotFound");
});

test("a problem is closed and its history says by whom and why", async () => {
  const guard = client(cloudguard.CloudGuardClient);
  await guard.updateProblemStatus({ problemId, updateProblemStatusDetails: { status: "RESOLVED", comment: "done by hand" } });
  const got = await guard.getProblem({ problemId });
  assert.equal(got.problem.lifecycleDetail, "RESOLVED");
  const history = await guard.listProblemHistories({ problemId, compartmentId: tenancy });
  const newest = history.problemHistoryCollection.items[0];
  assert.deepEqual([newest.actorType, newest.actorName, newest.comment], ["USER", "ada", "done by hand"]);
});

test("a signature by another key is refused", async () => {
  const stranger = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const real = new common.ConfigFileAuthenticationDetailsProvider(need("OCIEMU_CONFIG_FILE"), "DEFAULT");
  const forged = new common.SimpleAuthenticationDetailsProvider(
    tenancy, real.getUser(), real.getFingerprint(), stranger.privateKey, null, common.Region.US_ASHBURN_1);
  await refusal(client(identity.IdentityClient, forged).getTenancy({ tenancyId: tenancy }), 401, "NotAuthenticated");
});
