package session

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// maxCookie is how many bytes browsers keep of a cookie's name and value.
const maxCookie = 4096

// cookieForm is how the cookies look under one public address.
type cookieForm struct {
	name   string
	path   string
	secure bool
}

// formOf chooses the name. On https at the root it begins with __Host-, which
// makes browsers take it from this host alone, over https alone; below a path
// with __Secure-, because __Host- allows no path. On http, which is for
// http://localhost, neither can be had and the name is plain.
func formOf(u *url.URL) cookieForm {
	f := cookieForm{name: "tipoff", path: "/"}
	if u == nil {
		return f
	}
	if p := strings.TrimRight(u.EscapedPath(), "/"); p != "" {
		f.path = p
	}
	if u.Scheme != "https" {
		return f
	}
	f.secure = true
	if f.path == "/" {
		f.name = "__Host-tipoff"
	} else {
		f.name = "__Secure-tipoff"
	}
	return f
}

// setCookie has a cookie set with the answer's header, in place of one of the same
// name that this request set before.
func (m *Manager) setCookie(rq *request, name, value string, life time.Duration) {
	maxAge := -1 // deletes
	if value != "" {
		// A relative age, rounded up: the browser's clock is not ours.
		maxAge = max(1, int((life+time.Second-1)/time.Second))
	}
	rq.cookies = slices.DeleteFunc(rq.cookies, func(c *http.Cookie) bool { return c.Name == name })
	rq.cookies = append(rq.cookies, &http.Cookie{
		Name:     name,
		Value:    value,
		Path:     m.cookie.path,
		MaxAge:   maxAge,
		Secure:   m.cookie.secure,
		HttpOnly: true,
		SameSite: http.SameSiteLaxMode,
	})
}

// dropCookie takes the session's cookie back. It is done where the user signs out, or
// where the cookie alone keeps the session. A cookie whose session has ended opens
// nothing, and an answer on its way could take back the one of a newer sign-in.
func (m *Manager) dropCookie(rq *request) { m.setCookie(rq, m.cookie.name, "", 0) }

func encodeCookie(sealed []byte) string { return base64.RawURLEncoding.EncodeToString(sealed) }

// decodeCookie is strict: each value has one form.
func decodeCookie(value string) ([]byte, bool) {
	if len(value) > maxCookie || strings.ContainsAny(value, "\r\n") {
		return nil, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(value)
	return b, err == nil
}
