// The season page: the filter applies as it changes, and the next game counts
// down. Without this script the filter has a button and the date is enough.

const form = document.querySelector('#filter form, form#filter');
let asking;

function chosen() {
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ''));
  return `${form.action}?${query}`;
}

// How the browser reads times, for the server to do so too. See times.js.
let times;

async function show(address) {
  asking?.abort();
  asking = new AbortController();
  const season = document.querySelector('#season');
  season.setAttribute('aria-busy', 'true');
  try {
    const answer = await fetch(address, { signal: asking.signal, headers: { Accept: 'text/html', ...(times && { 'Tipoff-Times': times }) } });
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const next = page.querySelector('#season');
    if (!next) {
      location.assign(address); // whatever it is, the whole page says it best
      return;
    }
    season.querySelector('#season-line').textContent = next.querySelector('#season-line')?.textContent ?? '';
    next.querySelector('#season-line')?.remove();
    await exchange([...season.children].slice(1), [...next.children], season, asking.signal);
    document.querySelector('#shown').textContent = page.querySelector('#shown')?.textContent ?? '';
    document.querySelector('.band-do').replaceWith(page.querySelector('.band-do'));
    const zones = document.querySelector('#f-timezone');
    const known = page.querySelector('#f-timezone');
    if (zones !== document.activeElement) {
      // Moved out of their own list, entries would choose one another.
      zones.replaceChildren(...[...known.childNodes].map((node) => node.cloneNode(true)));
      zones.value = known.value;
    }
    faults(page);
    history.replaceState(null, '', address);
  } catch (fault) {
    if (fault.name === 'AbortError') return;
    location.assign(address);
    return;
  }
  season.removeAttribute('aria-busy');
}

// exchange puts the new parts where the old ones are. Each is laid out on its
// own, and the browser is free for something else in between.
async function exchange(old, parts, place, signal) {
  for (let i = 0; i < Math.max(old.length, parts.length); i++) {
    signal.throwIfAborted();
    if (!parts[i]) old[i].remove();
    else if (old[i]) old[i].replaceWith(parts[i]);
    else place.append(parts[i]);
    place.getBoundingClientRect();
    await new Promise((resolve) => setTimeout(resolve));
  }
}

// faults puts what is wrong next to its field, as the server said it.
function faults(page) {
  for (const old of form.querySelectorAll('.wrong')) old.remove();
  for (const field of form.querySelectorAll('[aria-invalid]')) field.removeAttribute('aria-invalid');
  for (const text of page.querySelectorAll('#filter .wrong')) {
    const field = document.getElementById(text.id.replace(/^e-/, 'f-'));
    if (!field) continue;
    field.setAttribute('aria-describedby', text.id);
    if (field.matches('fieldset')) field.append(text);
    else {
      field.setAttribute('aria-invalid', 'true');
      field.after(text);
    }
  }
}

if (form) {
  let soon;
  form.addEventListener('change', () => {
    clearTimeout(soon);
    soon = setTimeout(() => show(chosen()), 150);
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    clearTimeout(soon);
    show(chosen());
  });
  // The days of a calendar are those of the visitor's zone, unless another one
  // was chosen.
  document.addEventListener('times', (event) => {
    times = event.detail;
    if (!new URLSearchParams(location.search).get('timezone')) show(location.href);
  });
}

const clock = document.querySelector('[data-countdown]');
// The program's clock may have been set to another day than the browser's.
const ahead = document.body.dataset.now ? Date.parse(document.body.dataset.now) - Date.now() : 0;

function count() {
  const seconds = Math.round((Date.parse(clock.dataset.countdown) - Date.now() - ahead) / 1000);
  if (!(seconds > 0)) {
    clock.textContent = seconds > -3 * 3600 ? 'Tipped off' : '';
    return;
  }
  const parts = [[Math.floor(seconds / 86400), 'd'], [Math.floor(seconds / 3600) % 24, 'h'], [Math.floor(seconds / 60) % 60, 'min']];
  const first = parts.findIndex(([n]) => n > 0);
  const shown = first < 0 ? [[seconds, 's']] : parts.slice(first, first + 2);
  clock.textContent = `Tips off in ${shown.map(([n, unit]) => `${n} ${unit}`).join(' ')}`;
  setTimeout(count, first < 0 ? 1000 : 1000 * (seconds % 60 || 60));
}

if (clock) count();
