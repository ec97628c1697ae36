package session

import (
	"maps"
	"testing"
	"time"
)

func FuzzCodec(f *testing.F) {
	whole, err := codec{}.Encode(time.UnixMilli(1_790_000_000_000), map[string]any{valueUser: `{"id":"1"}`, "+team": "BOS", "": ""})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add([]byte{})
	f.Add([]byte{0x80})
	f.Add([]byte{0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 'a'})
	f.Add([]byte(`{"d":1,"v":{}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		deadline, values, err := codec{}.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		again, err := codec{}.Encode(deadline, values)
		if err != nil {
			t.Fatal(err)
		}
		sameDeadline, sameValues, _ := codec{}.Decode(again)
		if !sameDeadline.Equal(deadline) || !maps.Equal(sameValues, values) {
			t.Errorf("%q became %v %q, and that %v %q", data, deadline, values, sameDeadline, sameValues)
		}
	})
}
