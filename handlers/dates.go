package handlers

import (
	"strconv"
	"strings"
	"time"
)

// dateWords are how a language writes dates. The pages themselves are English;
// dates are in the visitor's language because they are read again and again,
// and because Todoist shows them so next to the same tasks.
type dateWords struct {
	// lang is for the lang attribute (BCP 47), empty for English.
	lang string
	// clock is the layout of a 24-hour time.
	clock string
	// day, dayOfYear and month are patterns: {w} the weekday, {d} the day,
	// {m} the month, {y} the year.
	day, dayOfYear, month string
	// Weekdays begin with Sunday.
	weekdays, longWeekdays [7]string
	months, longMonths     [12]string
}

// writeDay reads like "Tue, Oct 20", with the year "Tue, Oct 20, 2026".
func (w *dateWords) writeDay(t time.Time, year bool) string {
	pattern := w.day
	if year {
		pattern = w.dayOfYear
	}
	return fill(pattern, w.weekdays[t.Weekday()], t.Day(), w.months[t.Month()-1], t.Year())
}

// writeMonth reads like "October 2026".
func (w *dateWords) writeMonth(t time.Time) string {
	return fill(w.month, "", 0, w.longMonths[t.Month()-1], t.Year())
}

func fill(pattern, weekday string, day int, month string, year int) string {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		if pattern[i] != '{' {
			b.WriteByte(pattern[i])
			continue
		}
		switch pattern[i+1] {
		case 'w':
			b.WriteString(weekday)
		case 'd':
			b.WriteString(strconv.Itoa(day))
		case 'm':
			b.WriteString(month)
		case 'y':
			b.WriteString(strconv.Itoa(year))
		}
		i += 2
	}
	return b.String()
}

// languageOf is the key of a language's words: of what Todoist calls an
// account's language ("pt_BR", "tw"), or of a browser's ("de-AT").
// https://developer.todoist.com/api/v1/ ("Due dates", lang)
func languageOf(name string) string {
	name = strings.ToLower(strings.ReplaceAll(name, "_", "-"))
	base, rest, _ := strings.Cut(name, "-")
	switch {
	case base == "zh" && (strings.Contains(rest, "tw") || strings.Contains(rest, "hk") || strings.Contains(rest, "hant")):
		return "tw"
	case base == "no", base == "nn":
		return "nb"
	}
	return base
}

// wordsOf are the words of a language, of English where it is not known:
// those that Todoist's apps speak. dayFirst is for English alone, which has
// both orders. The words are those of Unicode's Common Locale Data Repository,
// so that a browser writes the same.
func wordsOf(lang string, dayFirst bool) dateWords {
	switch languageOf(lang) {
	case "da":
		return dateWords{lang: "da", clock: "15.04",
			day: "{w} {d}. {m}", dayOfYear: "{w} {d}. {m} {y}", month: "{m} {y}",
			weekdays:     [7]string{"søn.", "man.", "tirs.", "ons.", "tors.", "fre.", "lør."},
			longWeekdays: [7]string{"søndag", "mandag", "tirsdag", "onsdag", "torsdag", "fredag", "lørdag"},
			months:       [12]string{"jan.", "feb.", "mar.", "apr.", "maj", "jun.", "jul.", "aug.", "sep.", "okt.", "nov.", "dec."},
			longMonths:   [12]string{"januar", "februar", "marts", "april", "maj", "juni", "juli", "august", "september", "oktober", "november", "december"}}
	case "de":
		return dateWords{lang: "de", clock: "15:04",
			day: "{w}, {d}. {m}", dayOfYear: "{w}, {d}. {m} {y}", month: "{m} {y}",
			weekdays:     [7]string{"So.", "Mo.", "Di.", "Mi.", "Do.", "Fr.", "Sa."},
			longWeekdays: [7]string{"Sonntag", "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag"},
			months:       [12]string{"Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.", "Dez."},
			longMonths:   [12]string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"}}
	case "es":
		return dateWords{lang: "es", clock: "15:04",
			day: "{w}, {d} {m}", dayOfYear: "{w}, {d} {m} {y}", month: "{m} de {y}",
			weekdays:     [7]string{"dom", "lun", "mar", "mié", "jue", "vie", "sáb"},
			longWeekdays: [7]string{"domingo", "lunes", "martes", "miércoles", "jueves", "viernes", "sábado"},
			months:       [12]string{"ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic"},
			longMonths:   [12]string{"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"}}
	case "fi":
		return dateWords{lang: "fi", clock: "15.04",
			day: "{w} {d}.{m}.", dayOfYear: "{w} {d}.{m}.{y}", month: "{m} {y}",
			weekdays:     [7]string{"su", "ma", "ti", "ke", "to", "pe", "la"},
			longWeekdays: [7]string{"sunnuntai", "maanantai", "tiistai", "keskiviikko", "torstai", "perjantai", "lauantai"},
			months:       [12]string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"},
			longMonths:   [12]string{"tammikuu", "helmikuu", "maaliskuu", "huhtikuu", "toukokuu", "kesäkuu", "heinäkuu", "elokuu", "syyskuu", "lokakuu", "marraskuu", "joulukuu"}}
	case "fr":
		return dateWords{lang: "fr", clock: "15:04",
			day: "{w} {d} {m}", dayOfYear: "{w} {d} {m} {y}", month: "{m} {y}",
			weekdays:     [7]string{"dim.", "lun.", "mar.", "mer.", "jeu.", "ven.", "sam."},
			longWeekdays: [7]string{"dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"},
			months:       [12]string{"janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."},
			longMonths:   [12]string{"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"}}
	case "it":
		return dateWords{lang: "it", clock: "15:04",
			day: "{w} {d} {m}", dayOfYear: "{w} {d} {m} {y}", month: "{m} {y}",
			weekdays:     [7]string{"dom", "lun", "mar", "mer", "gio", "ven", "sab"},
			longWeekdays: [7]string{"domenica", "lunedì", "martedì", "mercoledì", "giovedì", "venerdì", "sabato"},
			months:       [12]string{"gen", "feb", "mar", "apr", "mag", "giu", "lug", "ago", "set", "ott", "nov", "dic"},
			longMonths:   [12]string{"gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto", "settembre", "ottobre", "novembre", "dicembre"}}
	case "ja":
		return dateWords{lang: "ja", clock: "15:04",
			day: "{m}月{d}日({w})", dayOfYear: "{y}年{m}月{d}日({w})", month: "{y}年{m}月",
			weekdays:     [7]string{"日", "月", "火", "水", "木", "金", "土"},
			longWeekdays: [7]string{"日曜日", "月曜日", "火曜日", "水曜日", "木曜日", "金曜日", "土曜日"},
			months:       [12]string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"},
			longMonths:   [12]string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"}}
	case "ko":
		return dateWords{lang: "ko", clock: "15:04",
			day: "{m} {d}일 ({w})", dayOfYear: "{y}년 {m} {d}일 ({w})", month: "{y}년 {m}",
			weekdays:     [7]string{"일", "월", "화", "수", "목", "금", "토"},
			longWeekdays: [7]string{"일요일", "월요일", "화요일", "수요일", "목요일", "금요일", "토요일"},
			months:       [12]string{"1월", "2월", "3월", "4월", "5월", "6월", "7월", "8월", "9월", "10월", "11월", "12월"},
			longMonths:   [12]string{"1월", "2월", "3월", "4월", "5월", "6월", "7월", "8월", "9월", "10월", "11월", "12월"}}
	case "nb":
		return dateWords{lang: "nb", clock: "15:04",
			day: "{w} {d}. {m}", dayOfYear: "{w} {d}. {m} {y}", month: "{m} {y}",
			weekdays:     [7]string{"søn.", "man.", "tir.", "ons.", "tor.", "fre.", "lør."},
			longWeekdays: [7]string{"søndag", "mandag", "tirsdag", "onsdag", "torsdag", "fredag", "lørdag"},
			months:       [12]string{"jan.", "feb.", "mars", "apr.", "mai", "juni", "juli", "aug.", "sep.", "okt.", "nov.", "des."},
			longMonths:   [12]string{"januar", "februar", "mars", "april", "mai", "juni", "juli", "august", "september", "oktober", "november", "desember"}}
	case "nl":
		return dateWords{lang: "nl", clock: "15:04",
			day: "{w} {d} {m}", dayOfYear: "{w} {d} {m} {y}", month: "{m} {y}",
			weekdays:     [7]string{"zo", "ma", "di", "wo", "do", "vr", "za"},
			longWeekdays: [7]string{"zondag", "maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag"},
			months:       [12]string{"jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec"},
			longMonths:   [12]string{"januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober", "november", "december"}}
	case "pl":
		return dateWords{lang: "pl", clock: "15:04",
			day: "{w}, {d} {m}", dayOfYear: "{w}, {d} {m} {y}", month: "{m} {y}",
			weekdays:     [7]string{"niedz.", "pon.", "wt.", "śr.", "czw.", "pt.", "sob."},
			longWeekdays: [7]string{"niedziela", "poniedziałek", "wtorek", "środa", "czwartek", "piątek", "sobota"},
			months:       [12]string{"sty", "lut", "mar", "kwi", "maj", "cze", "lip", "sie", "wrz", "paź", "lis", "gru"},
			longMonths:   [12]string{"styczeń", "luty", "marzec", "kwiecień", "maj", "czerwiec", "lipiec", "sierpień", "wrzesień", "październik", "listopad", "grudzień"}}
	case "pt":
		return dateWords{lang: "pt-BR", clock: "15:04",
			day: "{w}, {d} de {m}", dayOfYear: "{w}, {d} de {m} de {y}", month: "{m} de {y}",
			weekdays:     [7]string{"dom.", "seg.", "ter.", "qua.", "qui.", "sex.", "sáb."},
			longWeekdays: [7]string{"domingo", "segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira", "sábado"},
			months:       [12]string{"jan.", "fev.", "mar.", "abr.", "mai.", "jun.", "jul.", "ago.", "set.", "out.", "nov.", "dez."},
			longMonths:   [12]string{"janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro", "outubro", "novembro", "dezembro"}}
	case "ru":
		return dateWords{lang: "ru", clock: "15:04",
			day: "{w}, {d} {m}", dayOfYear: "{w}, {d} {m} {y} г.", month: "{m} {y} г.",
			weekdays:     [7]string{"вс", "пн", "вт", "ср", "чт", "пт", "сб"},
			longWeekdays: [7]string{"воскресенье", "понедельник", "вторник", "среда", "четверг", "пятница", "суббота"},
			months:       [12]string{"янв.", "февр.", "мар.", "апр.", "мая", "июн.", "июл.", "авг.", "сент.", "окт.", "нояб.", "дек."},
			longMonths:   [12]string{"январь", "февраль", "март", "апрель", "май", "июнь", "июль", "август", "сентябрь", "октябрь", "ноябрь", "декабрь"}}
	case "sv":
		return dateWords{lang: "sv", clock: "15:04",
			day: "{w} {d} {m}", dayOfYear: "{w} {d} {m} {y}", month: "{m} {y}",
			weekdays:     [7]string{"sön", "mån", "tis", "ons", "tors", "fre", "lör"},
			longWeekdays: [7]string{"söndag", "måndag", "tisdag", "onsdag", "torsdag", "fredag", "lördag"},
			months:       [12]string{"jan.", "feb.", "mars", "apr.", "maj", "juni", "juli", "aug.", "sep.", "okt.", "nov.", "dec."},
			longMonths:   [12]string{"januari", "februari", "mars", "april", "maj", "juni", "juli", "augusti", "september", "oktober", "november", "december"}}
	case "tr":
		return dateWords{lang: "tr", clock: "15:04",
			day: "{d} {m} {w}", dayOfYear: "{d} {m} {y} {w}", month: "{m} {y}",
			weekdays:     [7]string{"Paz", "Pzt", "Sal", "Çar", "Per", "Cum", "Cmt"},
			longWeekdays: [7]string{"Pazar", "Pazartesi", "Salı", "Çarşamba", "Perşembe", "Cuma", "Cumartesi"},
			months:       [12]string{"Oca", "Şub", "Mar", "Nis", "May", "Haz", "Tem", "Ağu", "Eyl", "Eki", "Kas", "Ara"},
			longMonths:   [12]string{"Ocak", "Şubat", "Mart", "Nisan", "Mayıs", "Haziran", "Temmuz", "Ağustos", "Eylül", "Ekim", "Kasım", "Aralık"}}
	case "tw":
		return dateWords{lang: "zh-TW", clock: "15:04",
			day: "{m}月{d}日{w}", dayOfYear: "{y}年{m}月{d}日{w}", month: "{y}年{m}月",
			weekdays:     [7]string{"週日", "週一", "週二", "週三", "週四", "週五", "週六"},
			longWeekdays: [7]string{"星期日", "星期一", "星期二", "星期三", "星期四", "星期五", "星期六"},
			months:       [12]string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"},
			longMonths:   [12]string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"}}
	case "zh":
		return dateWords{lang: "zh-CN", clock: "15:04",
			day: "{m}月{d}日{w}", dayOfYear: "{y}年{m}月{d}日{w}", month: "{y}年{m}月",
			weekdays:     [7]string{"周日", "周一", "周二", "周三", "周四", "周五", "周六"},
			longWeekdays: [7]string{"星期日", "星期一", "星期二", "星期三", "星期四", "星期五", "星期六"},
			months:       [12]string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"},
			longMonths:   [12]string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"}}
	default:
		w := dateWords{clock: "15:04", day: "{w}, {m} {d}", dayOfYear: "{w}, {m} {d}, {y}", month: "{m} {y}",
			weekdays:     [7]string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"},
			longWeekdays: [7]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
			months:       [12]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"},
			longMonths:   [12]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}}
		if dayFirst {
			w.day, w.dayOfYear = "{w} {d} {m}", "{w} {d} {m} {y}"
		}
		return w
	}
}
