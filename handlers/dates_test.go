package handlers

import (
	"testing"
	"time"
)

func TestDatesAreWrittenAsBrowsersWriteThem(t *testing.T) {
	day := time.Date(2027, 3, 6, 12, 0, 0, 0, time.UTC)
	// Written by Intl.DateTimeFormat.
	for _, tt := range []struct{ lang, day, dayOfYear, month string }{
		{"da", "lør. 6. mar.", "lør. 6. mar. 2027", "marts 2027"},
		{"de", "Sa., 6. März", "Sa., 6. März 2027", "März 2027"},
		{"es", "sáb, 6 mar", "sáb, 6 mar 2027", "marzo de 2027"},
		{"fi", "la 6.3.", "la 6.3.2027", "maaliskuu 2027"},
		{"fr", "sam. 6 mars", "sam. 6 mars 2027", "mars 2027"},
		{"it", "sab 6 mar", "sab 6 mar 2027", "marzo 2027"},
		{"ja", "3月6日(土)", "2027年3月6日(土)", "2027年3月"},
		{"ko", "3월 6일 (토)", "2027년 3월 6일 (토)", "2027년 3월"},
		{"nb", "lør. 6. mars", "lør. 6. mars 2027", "mars 2027"},
		{"nl", "za 6 mrt", "za 6 mrt 2027", "maart 2027"},
		{"pl", "sob., 6 mar", "sob., 6 mar 2027", "marzec 2027"},
		{"pt_BR", "sáb., 6 de mar.", "sáb., 6 de mar. de 2027", "março de 2027"},
		{"ru", "сб, 6 мар.", "сб, 6 мар. 2027 г.", "март 2027 г."},
		{"sv", "lör 6 mars", "lör 6 mars 2027", "mars 2027"},
		{"tr", "6 Mar Cmt", "6 Mar 2027 Cmt", "Mart 2027"},
		{"zh_TW", "3月6日週六", "2027年3月6日週六", "2027年3月"},
		{"zh_CN", "3月6日周六", "2027年3月6日周六", "2027年3月"},
		{"en", "Sat, Mar 6", "Sat, Mar 6, 2027", "March 2027"},
		{"en_GB", "Sat, Mar 6", "Sat, Mar 6, 2027", "March 2027"},
		{"tlh", "Sat, Mar 6", "Sat, Mar 6, 2027", "March 2027"},
	} {
		w := wordsOf(tt.lang, false)
		for what, pair := range map[string][2]string{
			"a day":            {w.writeDay(day, false), tt.day},
			"a day and a year": {w.writeDay(day, true), tt.dayOfYear},
			"a month":          {w.writeMonth(day), tt.month},
		} {
			if pair[0] != pair[1] {
				t.Errorf("%s, %s: got %q, want %q", tt.lang, what, pair[0], pair[1])
			}
		}
	}
}

func TestEnglishHasBothOrdersOfDayAndMonth(t *testing.T) {
	day := time.Date(2027, 3, 6, 12, 0, 0, 0, time.UTC)
	w := wordsOf("en", true)
	if got := w.writeDay(day, false); got != "Sat 6 Mar" {
		t.Errorf("got %q", got)
	}
	if got := w.writeDay(day, true); got != "Sat 6 Mar 2027" {
		t.Errorf("got %q", got)
	}
}

func TestEveryLanguageHasAllItsWords(t *testing.T) {
	for _, lang := range []string{"da", "de", "en", "es", "fi", "fr", "it", "ja", "ko", "nb", "nl", "pl", "pt", "ru", "sv", "tr", "tw", "zh"} {
		w := wordsOf(lang, false)
		if (w.lang == "") != (lang == "en") {
			t.Errorf("%s is written as %q", lang, w.lang)
		}
		for _, word := range append(append(w.weekdays[:], w.longWeekdays[:]...), append(w.months[:], w.longMonths[:]...)...) {
			if word == "" {
				t.Errorf("%s lacks a word", lang)
			}
		}
		if _, err := time.Parse(w.clock, time.Date(2027, 3, 6, 19, 30, 0, 0, time.UTC).Format(w.clock)); err != nil {
			t.Errorf("%s: %v", lang, err)
		}
	}
}
