package handlers

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// addressOf is the address that asks. Proxies that are trusted may name it in
// X-Forwarded-For, which is read from its end: what stands before the last
// address that is not a trusted proxy's was written by the client. chi's own
// middleware takes no addresses with a port, which some proxies write.
func (s *server) addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	peer, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	peer = peer.Unmap()
	hops := r.Header.Values("X-Forwarded-For")
	if !s.trusted(peer) {
		if len(hops) > 0 && (peer.IsLoopback() || peer.IsPrivate()) {
			s.proxyWarned.Do(func() {
				s.Log.WarnContext(r.Context(), "X-Forwarded-For is not believed: to Tipoff, everybody behind this proxy is one visitor",
					"proxy", peer, "setting", "-trusted-proxies")
			})
		}
		return peer.String()
	}
	hops = strings.Split(strings.Join(hops, ","), ",")
	for _, hop := range slices.Backward(hops) {
		hop = strings.TrimSpace(hop)
		address, err := netip.ParseAddr(hop)
		if withPort, portErr := netip.ParseAddrPort(hop); portErr == nil {
			address, err = withPort.Addr(), nil
		}
		if err != nil {
			break
		}
		if peer = address.Unmap(); !s.trusted(peer) {
			break
		}
	}
	return peer.String()
}

func (s *server) trusted(a netip.Addr) bool {
	for _, p := range s.TrustedProxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// network is what the log says of an address: the part that tells networks
// apart, so that no visitor can be told from their neighbours. Addresses that
// mean nothing outside of the host's own network stay whole.
func network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil || a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() {
		return address
	}
	bits := 48
	if a.Is4() {
		bits = 24
	}
	return netip.PrefixFrom(a.WithZone(""), bits).Masked().String()
}
