package session

import (
	"reflect"
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
	f.Add([]byte(`{"deadline":1,"values":{}}`))
	f.Add([]byte(`{"values":{"a":[1],"b":null}}`))
	// Whatever is there: it is read, and what is read can be written again.
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
		if !sameDeadline.Equal(deadline) || !reflect.DeepEqual(sameValues, values) {
			t.Errorf("%q became %v %q, and that %v %q", data, deadline, values, sameDeadline, sameValues)
		}
	})
}
