package rotation_test

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

// vaultOf is the process's Vault. It is a separate type, because Vault and Issuer share method names.
type vaultOf struct{ *process }

func (v vaultOf) Secret(_ context.Context, id string) (s vault.Secret, err error) {
	err = v.do("GetSecret", func() error {
		found, ok := v.secrets[id]
		if !ok {
			return fault.New(fault.Absent, "GetSecret", "not found")
		}
		s = found.Secret
		s.At, s.Metadata = v.now, slices.Clone(found.Metadata)
		return nil
	})
	return s, err
}

func (v vaultOf) Versions(_ context.Context, id string) (out []vault.Version, err error) {
	err = v.do("ListSecretVersions", func() error {
		out = slices.Clone(v.secrets[id].versions)
		return nil
	})
	return out, err
}

func (v vaultOf) Read(_ context.Context, id, name string) (number int64, content credential.Value, err error) {
	err = v.do("GetSecretBundle", func() error {
		s := v.secrets[id]
		for _, version := range s.versions {
			if name == "" && version.Current || name != "" && version.Name == name {
				number, content = version.Number, s.contents[version.Number]
				return nil
			}
		}
		return fault.New(fault.Absent, "GetSecretBundle", "not found")
	})
	return number, content, err
}

func (v vaultOf) Update(_ context.Context, id, etag string, u vault.Update) (out vault.Secret, err error) {
	err = v.do("UpdateSecret", func() error {
		s := v.secrets[id]
		if etag != s.ETag {
			return fault.New(fault.Conflict, "UpdateSecret", "etag")
		}
		if u.Name != "" {
			if slices.ContainsFunc(s.versions, func(o vault.Version) bool { return o.Name == u.Name }) {
				return fault.New(fault.Conflict, "UpdateSecret", "name already exists")
			}
			number := int64(len(s.versions) + 1)
			for i := range s.versions {
				s.versions[i].Pending = false
			}
			s.versions = append(s.versions, vault.Version{Number: number, Name: u.Name, Pending: true, Created: v.now})
			s.contents[number] = u.Content
			v.writes++
		}
		if u.Promote != 0 {
			for i := range s.versions {
				s.versions[i].Current = s.versions[i].Number == u.Promote
				s.versions[i].Pending = s.versions[i].Pending && !s.versions[i].Current
			}
			s.Current = u.Promote
		}
		s.revision++
		s.ETag, s.Metadata = "r"+strconv.Itoa(s.revision), u.Metadata
		out = s.Secret
		return nil
	})
	return out, err
}

// clock is the world's clock. Sleep moves it.
type clock struct{ *world }

func (c clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return ctx.Err()
}

// run delivers the event once.
func (p *process) run(change ...func(*rotation.Job)) rotation.Result {
	e := rotation.Engine{Issuers: map[credential.Kind]rotation.Issuer{p.kind: p}, Vault: vaultOf{p}, Prover: p,
		Clock: clock{p.world}, RSABits: bits, Prove: p.prove}
	job := p.job()
	for _, c := range change {
		c(&job)
	}
	return e.Run(context.Background(), job)
}

// job returns the rotation that the event orders.
func (p *process) job() rotation.Job {
	p.mu.Lock()
	defer p.mu.Unlock()
	job := rotation.Job{Request: credential.Request{Ref: credential.Ref{Kind: p.kind, User: user, ID: p.oldID},
		Options: credential.Options{Replace: p.replace}, Closure: credential.Closure{At: p.closed}},
		Authorize: func(context.Context, []vault.Secret) (credential.Authorized, error) {
			return credential.Authorized{Owner: credential.Owner{User: user, UserName: "somebody",
				Region: "us-ashburn-1", Namespace: "ns",
				Hosts: credential.Hosts{Registry: "registry.example", S3: "s3.example"}}}, nil
		}}
	if p.kind == credential.Password {
		closed, _ := time.Parse(time.RFC3339, p.oldID)
		job.ResetAfter = []time.Time{closed}
	}
	for _, role := range p.kind.Roles() {
		for id, s := range p.secrets {
			if s.role == role {
				job.Secrets = append(job.Secrets, credential.Target{Role: role, SecretID: id})
			}
		}
	}
	return job
}
