package operate

import (
	"context"
	"fmt"
	"strings"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/guard"
)

// prove reads the versions that become CURRENT, and uses the credential in them once. A secret may have held something
// else before the rotation, such as a placeholder, and the credential may have been deleted since.
func (u Undo) prove(ctx context.Context, p UndoPlan) (UndoPlan, error) {
	var values []credential.Value
	var roles []credential.Role
	id := ""
	for _, s := range p.Secrets {
		content, err := u.Vault.ReadNumber(ctx, s.ID, s.To)
		if err != nil {
			return p, fmt.Errorf("reading version %d of secret %s: %w", s.To, s.ID, err)
		}
		if s.Role.IsID() {
			id = strings.TrimSpace(string(content.Reveal()))
			continue
		}
		values, roles = append(values, content), append(roles, s.Role)
	}
	ref := credential.Ref{Kind: p.Kind, User: p.User, ID: p.Old}
	lookup := guard.LookUp(ctx, u.Directory, u.Clock.Now(), ref)
	known, err := guard.Guard{Protects: func(string, string) bool { return false }}.Authorize(ctx,
		credential.Request{Ref: ref}, lookup, nil)
	if err != nil {
		return p, err
	}
	p.UserName = known.Owner.UserName
	for i, content := range values {
		m, err := credential.Decode(p.Kind, roles[i], "", content)
		if err != nil {
			return p, u.notOld(p, "the version before holds no "+p.Kind.Noun()+" that Keyturn can read")
		}
		if m.ID == "" {
			m.ID = id
		}
		if m.ID == "" && !p.Kind.Pair() {
			m.ID = p.Old
		}
		if cloudguard.FormOf(m.ID) == cloudguard.FormOf(p.Old) && m.ID != p.Old {
			return p, u.notOld(p, fmt.Sprintf("the version before holds another %s, %s", p.Kind.Noun(), m.ID))
		}
		accepted, err := u.Prover.Prove(ctx, m, known.Owner)
		if err != nil {
			return p, fmt.Errorf("testing whether the old %s works: %w. Nothing was changed", p.Kind.Noun(), err)
		}
		if !accepted {
			return p, u.notOld(p, fmt.Sprintf("the %s in the version before is refused", p.Kind.Noun()))
		}
	}
	return p, nil
}

func (u Undo) notOld(p UndoPlan, why string) error {
	return refuse(fmt.Sprintf("If the new %s is wrong, rotate it: keyturn rotate %s %s.", p.Kind.Noun(), p.User,
		p.Kind),
		"%s", why)
}
