package schedule

import (
	"bytes"
	"os"
	"testing"
)

func realFile(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile("../../shared/data/" + name)
	if os.IsNotExist(err) {
		tb.Skip("the real feed files are not here")
	}
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func BenchmarkDecodeNBA(b *testing.B) {
	feed := realFile(b, "nba-2024-25-cdn-20240816.json")
	b.SetBytes(int64(len(feed)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeNBA(bytes.NewReader(feed)); err != nil {
			b.Fatal(err)
		}
	}
}
