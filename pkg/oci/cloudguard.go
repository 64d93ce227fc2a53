package oci

import (
	"context"

	sdk "github.com/oracle/oci-go-sdk/v65/cloudguard"
	"github.com/oracle/oci-go-sdk/v65/common"

	"github.com/keyturn/keyturn/pkg/background"
	"github.com/keyturn/keyturn/pkg/cloudguard"
)

func (c *Cloud) cloudGuard() (*sdk.CloudGuardClient, error) {
	return client(c, "cloudguard", "", sdk.NewCloudGuardClientWithConfigurationProvider,
		func(cl *sdk.CloudGuardClient) *common.BaseClient { return &cl.BaseClient })
}

// Problem reads Cloud Guard's record of a problem and, in parallel, its history. IAM's problems belong to the root
// compartment. If the problem belongs to another one, its history is read again from there.
func (c *Cloud) Problem(ctx context.Context, id string) (cloudguard.Problem, error) {
	p, err := c.provider()
	if err != nil {
		return cloudguard.Problem{}, classify("ResourcePrincipal", err)
	}
	root, err := p.TenancyOCID()
	if err != nil {
		return cloudguard.Problem{}, classify("ResourcePrincipal", err)
	}
	cl, err := c.cloudGuard()
	if err != nil {
		return cloudguard.Problem{}, classify("GetProblem", err)
	}
	history := background.Start(func() ([]cloudguard.Change, error) { return c.histories(ctx, cl, id, root) })
	problem, err := c.record(ctx, cl, id)
	changes, failed := history.Wait(ctx)
	if err != nil {
		return problem, err
	}
	if problem.CompartmentID != root && (failed != nil || len(changes) == 0) {
		changes, failed = c.histories(ctx, cl, id, problem.CompartmentID)
	}
	problem.History = changes
	return problem, classify("ListProblemHistories", failed)
}

// Afresh is Problem, but reads the history after the record: the history is at least as new as the record's etag.
func (c *Cloud) Afresh(ctx context.Context, id string) (cloudguard.Problem, error) {
	cl, err := c.cloudGuard()
	if err != nil {
		return cloudguard.Problem{}, classify("GetProblem", err)
	}
	problem, err := c.record(ctx, cl, id)
	if err != nil {
		return problem, err
	}
	problem.History, err = c.histories(ctx, cl, id, problem.CompartmentID)
	return problem, err
}

func (c *Cloud) record(ctx context.Context, cl *sdk.CloudGuardClient, id string) (cloudguard.Problem, error) {
	return call(ctx, c, "GetProblem", harmless, func(ctx context.Context) (cloudguard.Problem, error) {
		r, err := cl.GetProblem(ctx, sdk.GetProblemRequest{ProblemId: &id})
		p := record(r.Problem)
		p.ETag = str(r.Etag)
		return p, err
	})
}

// record copies Cloud Guard's fields as they are; cloudguard.Problem interprets them.
func record(p sdk.Problem) cloudguard.Problem {
	return cloudguard.Problem{ID: str(p.Id), CompartmentID: str(p.CompartmentId),
		Rule: cloudguard.Rule(str(p.DetectorRuleId)), Detail: string(p.LifecycleDetail),
		ResourceID: str(p.ResourceId), ResourceName: str(p.ResourceName), Details: p.AdditionalDetails,
		RiskLevel: string(p.RiskLevel), FirstDetected: when(p.TimeFirstDetected),
		LastDetected: when(p.TimeLastDetected), Comment: str(p.Comment)}
}

func (c *Cloud) histories(ctx context.Context, cl *sdk.CloudGuardClient,
	id, compartment string) ([]cloudguard.Change, error) {
	var out []cloudguard.Change
	for page := (*string)(nil); ; {
		r, err := call(ctx, c, "ListProblemHistories", harmless,
			func(ctx context.Context) (sdk.ListProblemHistoriesResponse, error) {
				return cl.ListProblemHistories(ctx, sdk.ListProblemHistoriesRequest{ProblemId: &id,
					CompartmentId: &compartment, Limit: common.Int(pageSize), Page: page})
			})
		if err != nil {
			return nil, err
		}
		for _, h := range r.Items {
			out = append(out, cloudguard.Change{At: when(h.TimeCreated), Actor: str(h.ActorName),
				ActorKind: string(h.ActorType), Detail: string(h.LifecycleDetail), Comment: str(h.Comment)})
		}
		page = r.OpcNextPage
		if str(page) == "" {
			return out, nil
		}
	}
}

// Reopen sets a problem back to OPEN, with a comment that says why. If p has an etag and the problem has changed since,
// the error's class is Conflict.
func (c *Cloud) Reopen(ctx context.Context, p cloudguard.Problem, comment string) error {
	return c.setStatus(ctx, p, sdk.ProblemLifecycleDetailOpen, comment)
}

// Resolve closes a problem as RESOLVED, with a comment. If p has an etag and the problem has changed since, the error's
// class is Conflict.
func (c *Cloud) Resolve(ctx context.Context, p cloudguard.Problem, comment string) error {
	return c.setStatus(ctx, p, sdk.ProblemLifecycleDetailResolved, comment)
}

func (c *Cloud) setStatus(ctx context.Context, p cloudguard.Problem, status sdk.ProblemLifecycleDetailEnum,
	comment string) error {
	cl, err := c.cloudGuard()
	if err != nil {
		return classify("UpdateProblemStatus", err)
	}
	token := common.RetryToken()
	var unchanged *string
	if p.ETag != "" {
		unchanged = &p.ETag
	}
	_, err = call(ctx, c, "UpdateProblemStatus", replayed, func(ctx context.Context) (struct{}, error) {
		_, err := cl.UpdateProblemStatus(ctx, sdk.UpdateProblemStatusRequest{ProblemId: &p.ID, OpcRetryToken: &token,
			IfMatch:                    unchanged,
			UpdateProblemStatusDetails: sdk.UpdateProblemStatusDetails{Status: status, Comment: &comment}})
		return struct{}{}, err
	})
	return err
}
