// Times in the visitor's zone, with their clock of 12 or 24 hours and their order
// of day and month; the words are English, as the page is. Pages of people who are
// signed in follow their account and do not load this script. It writes the times
// of the page again and tells other scripts how the browser reads times, for what
// they ask the server for; nothing is stored.

const { now } = document.body.dataset;
const locale = navigator.language || 'en-US';
const { timeZone: zone, hourCycle } = new Intl.DateTimeFormat(locale, { hour: 'numeric' }).resolvedOptions();
// The program's clock may have been set to another day than the browser's.
const today = now ? new Date(now) : new Date();

const hours24 = hourCycle !== 'h11' && hourCycle !== 'h12';
const order = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short' }).formatToParts(today).map((part) => part.type);
const dayFirst = order.indexOf('day') < order.indexOf('month');

const english = dayFirst ? 'en-GB' : 'en-US';
const day = new Intl.DateTimeFormat(english, { weekday: 'short', day: 'numeric', month: 'short' });
const dayOfYear = new Intl.DateTimeFormat(english, { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' });
const clock = new Intl.DateTimeFormat(hours24 ? 'en-GB' : 'en-US', { timeStyle: 'short' });
const letters = new Intl.DateTimeFormat(english, { timeZoneName: 'short' });

// firstDay is the weekday that calendars begin with; 0 is Sunday.
function firstDay() {
  const own = new Intl.Locale(locale);
  const week = own.getWeekInfo?.() ?? own.weekInfo;
  if (week) return week.firstDay % 7;
  return /-(US|CA|MX|BR|IL|IN|JP|KR|PH|TW|ZA)\b/.test(locale) ? 0 : 1;
}

function settings() {
  return [zone, hours24 ? 24 : 12, firstDay(), dayFirst ? 1 : 0].join('~');
}

// midnights counts those between two instants, as the visitor has them.
function midnights(from, to) {
  const number = (date) => Math.round(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / 864e5);
  return number(to) - number(from);
}

function relative(date) {
  const days = midnights(today, date);
  if (date < today || days < 0 || days > 7) return '';
  if (days === 0) return date.getHours() >= 17 ? 'tonight' : 'today';
  return days === 1 ? 'tomorrow' : `in ${days} days`;
}

function write(element) {
  const iso = element.dateTime;
  const timed = iso.includes('T');
  // A day without a time is the same day everywhere.
  const date = timed ? new Date(iso) : new Date(`${iso}T12:00`);
  const dayText = element.querySelector('.day');
  if (dayText) {
    const word = timed && 'soon' in dayText.dataset ? relative(date) : '';
    const far = Math.abs(date - today) > 300 * 864e5;
    dayText.textContent = word || (far ? dayOfYear : day).format(date);
  }
  const clockText = element.querySelector('.clock:not(.unset)');
  if (clockText && timed) clockText.textContent = clock.format(date);
  const zoneText = element.querySelector('.tz');
  if (zoneText) zoneText.textContent = letters.formatToParts(date).find((part) => part.type === 'timeZoneName').value;
  // What only moves along with its neighbours would count as a jump of the page.
  element.replaceChildren(...element.childNodes);
}

function writeAll() {
  // Where a zone was chosen, the page has it; and a season is asked for again.
  const chosen = new URLSearchParams(location.search).get('timezone');
  for (const element of document.querySelectorAll('time')) {
    if (!element.closest(chosen ? 'main' : '#season')) write(element);
  }
  for (const place of document.querySelectorAll('[data-zone]')) {
    place.textContent = `${zone.slice(zone.lastIndexOf('/') + 1).replaceAll('_', ' ')} time`;
  }
}

if (zone && settings() !== 'America/New_York~12~0~0') {
  writeAll();
  document.dispatchEvent(new CustomEvent('times', { detail: settings() }));
}
