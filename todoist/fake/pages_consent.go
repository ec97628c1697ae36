package fake

import (
	"net/http"
	"net/url"
)

// A consentPage asks whether an app may have what it asks for.
type consentPage struct {
	layout
	Client   string
	Scopes   []string // in plain words
	Accounts []accountLine
	Params   []param // of the request, to be sent back with the decision
}

type param struct{ Name, Value string }

// scopeWords say what a scope means.
func scopeWords(scope string) string {
	switch scope {
	case "task:add":
		return "Add tasks"
	case "data:read":
		return "See your projects, tasks and settings"
	case "data:read_write":
		return "See, add and change your projects, sections, tasks, labels and reminders"
	case "data:delete":
		return "Delete tasks, sections, labels and reminders"
	case "project:delete":
		return "Delete projects"
	case "backups:read":
		return "Download your backups"
	}
	return "Use " + scope
}

// authorizationParams are the parameters that the consent page sends back.
func authorizationParams() []string {
	return []string{"client_id", "redirect_uri", "response_type", "scope", "state", "code_challenge", "code_challenge_method"}
}

func (s *Server) authorizePage(c *call) answer {
	q := c.r.URL.Query()
	a, refusal := s.readAuthorization(q)
	if refusal != nil {
		return *refusal
	}
	page := consentPage{layout: s.pages.layout("Allow " + a.client.name + "?"), Client: a.client.name, Accounts: s.accountLines()}
	for _, one := range a.scopes {
		page.Scopes = append(page.Scopes, scopeWords(one))
	}
	for _, name := range authorizationParams() {
		if q.Has(name) {
			page.Params = append(page.Params, param{name, q.Get(name)})
		}
	}
	// Browsers hold the redirect after a form to the page's form-action, so
	// the app's own origin must be in it.
	return s.pages.render(http.StatusOK, "consent", page, " "+origin(a.redirectURI))
}

// origin is the part of an address that a content security policy names.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	if u.Host == "" {
		return u.Scheme + ":"
	}
	return u.Scheme + "://" + u.Host
}

func (s *Server) authorizeDecision(c *call) answer {
	if err := new(http.CrossOriginProtection).Check(c.r); err != nil {
		return s.pages.problem(http.StatusForbidden, "This form was sent from another site.")
	}
	f, ok := c.fields()
	if !ok {
		return s.pages.problem(http.StatusBadRequest, "The form cannot be read.")
	}
	a, refusal := s.readAuthorization(f)
	if refusal != nil {
		return *refusal
	}
	var to string
	switch f.Get("decision") {
	case "deny":
		to = s.denyCode(a)
	case "allow":
		account := s.Account(f.Get("account"))
		if account == nil {
			return s.pages.problem(http.StatusBadRequest, "Choose one of the accounts.")
		}
		to = s.grantCode(a, account)
	default:
		return s.pages.problem(http.StatusBadRequest, "Press Allow or Deny.")
	}
	return answer{status: http.StatusSeeOther, header: http.Header{"Location": {to}, "Cache-Control": {"no-store"}}}
}
