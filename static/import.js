// The import page: the plan follows the options as they change, games can be
// left out without asking the server again, and the import shows its progress
// while it runs. The project page uses the last of the three. Without this
// script there is a button for each.

// What an import has just done is in the address it led to. It is said once.
if (/[?&]added=/.test(location.search)) {
  history.replaceState(null, '', location.pathname);
  document.querySelector('#outcome')?.focus();
}

// The page's content may be replaced by a newer one, see instead, so that
// nothing of it is remembered here and events are listened to from outside.
const options = () => document.querySelector('#options');

function say(text) {
  const live = document.querySelector('#live');
  if (live) live.textContent = text;
}

const count = (n, noun) => `${n.toLocaleString('en-US')} ${noun}${n === 1 ? '' : 's'}`;
const tasks = (n) => count(n, 'task');
const included = () => [...document.querySelectorAll('input[type=checkbox][name=include]')];

// The plan follows the options.

let asking;

function address() {
  const query = new URLSearchParams([...new FormData(options())].filter(([name, value]) => value !== '' && name !== 'skip'));
  for (const id of leftOut()) query.append('skip', id);
  const auto = document.querySelector('#run input[type=checkbox][name=auto]');
  if (auto) query.set('auto', auto.checked ? 'on' : 'off');
  return `${options().action}?${query}`;
}

// leftOut lists the games left out: those with a box, and those that the
// address names although they have none just now.
function leftOut() {
  const out = new Set([...document.querySelectorAll('input[type=hidden][name=skip]')].map((field) => field.value));
  for (const box of included()) box.checked ? out.delete(box.value) : out.add(box.value);
  return out;
}

async function preview() {
  asking?.abort();
  asking = new AbortController();
  const to = address();
  document.body.classList.add('busy');
  try {
    const answer = await fetch(to, { signal: asking.signal, headers: { Accept: 'text/html' } });
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    if (!page.querySelector('#plan-top') || !page.querySelector('#options')) {
      location.assign(answer.url); // signed out, or a fault: the page says it best
      return;
    }
    const at = document.activeElement;
    for (const id of ['plan-top', 'plan-list', 'line-games', 'line-tasks', 'line-project', 'line-updates']) {
      document.getElementById(id).replaceChildren(...page.getElementById(id).childNodes);
    }
    if (at.name === 'include') document.querySelector(`input[name=include][value="${CSS.escape(at.value)}"]`)?.focus();
    // Other teams come with other places to put them and other zones.
    for (const id of ['f-target', 'f-timezone']) {
      const field = document.getElementById(id);
      const other = page.getElementById(id);
      if (field === document.activeElement) continue;
      // Moved out of their own list, entries would choose one another.
      field.replaceChildren(...[...other.childNodes].map((node) => node.cloneNode(true)));
      field.value = other.value;
    }
    const name = document.querySelector('#f-name');
    name.placeholder = page.querySelector('#f-name').placeholder;
    faults(page);
    history.replaceState(null, '', to);
    say(document.querySelector('#plan-line').textContent);
  } catch (fault) {
    if (fault.name === 'AbortError') return;
    say('The preview could not be updated.');
  }
  document.body.classList.remove('busy');
}

// faults puts what is wrong next to its field, as the server said it.
function faults(page) {
  document.querySelector('#mistakes')?.remove();
  for (const old of options().querySelectorAll('.wrong')) old.remove();
  for (const field of options().querySelectorAll('[aria-invalid]')) field.removeAttribute('aria-invalid');
  for (const text of page.querySelectorAll('#options .wrong')) {
    const field = document.getElementById(text.id.replace(/^e-/, 'f-'));
    if (!field) continue;
    field.setAttribute('aria-describedby', text.id);
    if (field.matches('fieldset')) field.append(text);
    else {
      field.setAttribute('aria-invalid', 'true');
      field.after(text);
    }
    field.closest('details.group').open = true;
  }
}

let soon;

document.addEventListener('change', (event) => {
  if (!event.target.closest('#options')) return;
  clearTimeout(soon);
  soon = setTimeout(preview, 200);
});

document.addEventListener('submit', (event) => {
  if (event.target.id !== 'options') return;
  event.preventDefault();
  clearTimeout(soon);
  preview();
});

// Games are left out. The numbers follow as handlers/plan.go writes them.

document.addEventListener('change', ({ target }) => {
  if (!target.matches('input[type=checkbox]:is([name=include], [name=again])')) return;
  // A game for two projects has a box in each.
  for (const box of included()) if (box.value === target.value) box.checked = target.checked;
  const boxes = included();
  const n = boxes.filter((box) => box.checked).length;
  const more = document.querySelectorAll('input[name=again]:checked').length;
  const put = (id, text) => {
    const place = document.getElementById(id);
    if (place) place.textContent = text;
  };
  put('adding', n.toLocaleString('en-US'));
  put('added-line', `${count(n, 'game')} to add`);
  put('left-line', n < boxes.length ? `· ${(boxes.length - n).toLocaleString('en-US')} left out` : '');
  const button = document.querySelector('#go');
  if (button) label(button, n + more, Number(button.dataset.changing));
  if (!options()) return;
  for (const field of options().querySelectorAll('input[type=hidden][name=skip]')) field.remove();
  for (const id of leftOut()) {
    const field = document.createElement('input');
    Object.assign(field, { type: 'hidden', name: 'skip', value: id });
    options().append(field);
  }
  history.replaceState(null, '', address());
  const line = document.querySelector('#plan-line');
  const counted = /^[\d,]+ games?/;
  line.firstChild.data = line.firstChild.data.replace(counted, count(n, 'game'));
  // The server has the words when there is nothing left, and knows whether what
  // did not fit fits now.
  if (n === 0 || !counted.test(line.textContent) || !button || document.querySelector('#plan-top .notice:not(#run-fault)')) {
    clearTimeout(soon);
    soon = setTimeout(preview, 600);
  }
});

function label(button, adding, changing) {
  if (adding + changing === 0) button.textContent = 'Add to Todoist';
  else if (button.dataset.again) button.textContent = `Continue with the other ${tasks(adding + changing)}`;
  else if (adding === 0) button.textContent = `Update ${tasks(changing)}`;
  else if (changing) button.textContent = `Add ${count(adding, 'game')} and update ${tasks(changing)}`;
  else button.textContent = `Add ${count(adding, 'game')} to Todoist`;
  button.disabled = adding + changing === 0;
}

// The import runs.

document.addEventListener('submit', (event) => {
  if (event.target.id !== 'run') return;
  event.preventDefault();
  run(event.target);
});

let running = false;

async function run(form) {
  if (running) return;
  running = true;
  const button = form.querySelector('button');
  const box = document.querySelector('#running');
  const fault = document.querySelector('#run-fault');
  fault.hidden = true;
  button.setAttribute('aria-disabled', 'true');
  box.hidden = false;
  const bar = document.querySelector('#progress');
  bar.removeAttribute('value');
  const text = document.querySelector('#progress-text');
  text.textContent = 'Asking Todoist…';
  document.querySelector('#running-title').focus();

  const stop = ({ message, retryAfter, failed = [], offers = [], signIn }) => {
    running = false;
    box.hidden = true;
    fault.hidden = false;
    fault.querySelector('p').textContent = message;
    const link = fault.querySelector('a');
    link.parentElement.hidden = !signIn;
    if (signIn) link.href = signIn;
    // One reason for all of them is in the message already.
    const reasons = new Set(failed.map(({ reason }) => reason));
    const fits = offers.map((offer) => {
      const line = document.createElement('li');
      const link = document.createElement('a');
      link.href = offer.link;
      link.textContent = offer.text;
      line.append('This fits: ', link, `, ${tasks(offer.tasks)}`);
      return line;
    });
    fault.querySelector('.missing').replaceChildren(...fits, ...failed.map(({ title, day, reason }) => {
      const line = document.createElement('li');
      const name = document.createElement('strong');
      name.textContent = title;
      const when = document.createElement('span');
      when.className = 'when';
      when.textContent = day;
      line.append(name, ', ', when, reasons.size > 1 ? `: ${reason}` : '');
      return line;
    }));
    say(message);
    fault.scrollIntoView({ block: 'nearest' });
    again(button, retryAfter);
  };

  try {
    const answer = await fetch(form.action, {
      method: 'POST',
      headers: { Accept: 'text/event-stream' },
      body: new URLSearchParams(new FormData(form)),
    });
    if (!isStream(answer)) {
      await instead(answer);
      return;
    }
    await watch(answer, bar, text, stop);
  } catch {
    stop({ message: 'The connection was lost on the way, and the import may be going on. Press the button again: only what is missing is written, and nothing is made twice.' });
  }
}

const isStream = (answer) => (answer.headers.get('Content-Type') ?? '').startsWith('text/event-stream');

// watch shows the progress that a stream tells, and goes to the project at its
// end. It waits for the stream to close first: what the project's page has to
// say is kept by then.
async function watch(answer, bar, text, stop) {
  let told = 0;
  let end;
  for await (const { name, data } of events(answer.body)) {
    if (name === 'progress') {
      bar.max = data.total || 1;
      bar.value = data.done;
      text.textContent = data.total ? `${data.message}: ${data.done.toLocaleString('en-US')} of ${tasks(data.total)}` : data.message;
      const quarter = Math.floor((4 * data.done) / (data.total || 1));
      if (quarter > told) say(text.textContent);
      told = Math.max(told, quarter);
    } else if (name === 'done') {
      bar.value = bar.max;
      text.textContent = 'Done. Opening the project…';
      end = () => location.assign(data.location);
    } else if (name === 'failed') {
      end = () => stop(data);
    }
  }
  if (!end) throw new Error('the stream ended early');
  end();
}

// An import that another page began is followed where it is.

async function follow() {
  const bar = document.querySelector('#follow');
  const text = document.querySelector('#follow-text');
  try {
    const answer = await fetch(document.querySelector('#follows').dataset.from, { headers: { Accept: 'text/event-stream' } });
    if (isStream(answer)) await watch(answer, bar, text, () => location.reload());
    else location.reload(); // it is over
  } catch {
    text.textContent = 'The connection was lost. The import continues. Reload this page to see its progress.';
  }
}

if (document.querySelector('#follows')) follow();

// again lets the button be pressed once more, after the seconds to wait.
function again(button, seconds) {
  const label = button.dataset.label ?? button.textContent;
  button.dataset.label = label;
  const until = Date.now() + 1000 * (seconds > 0 ? seconds : 0);
  const tick = () => {
    const left = Math.ceil((until - Date.now()) / 1000);
    button.disabled = left > 0;
    button.textContent = left > 0 ? `Again in ${left} s` : label;
    if (left > 0) setTimeout(tick, 1000);
    else button.removeAttribute('aria-disabled');
  };
  tick();
}

// instead shows an answer that is a page: a plan that changed meanwhile, a
// session that ended, a fault.
async function instead(answer) {
  running = false;
  if (answer.redirected) {
    location.assign(answer.url);
    return;
  }
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const main = page.querySelector('main');
  if (!main) throw new Error('no page');
  document.title = page.title;
  document.querySelector('main').replaceWith(main);
  if (options()) history.replaceState(null, '', address());
  main.focus();
  scrollTo(0, 0);
}

// events reads a stream of server-sent events, each with JSON data.
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value.replace(/\r\n?/g, '\n');
    let end;
    while ((end = rest.indexOf('\n\n')) >= 0) {
      let name = 'message';
      const data = [];
      for (const line of rest.slice(0, end).split('\n')) {
        const [, field, text] = /^([^:]*):? ?(.*)$/.exec(line);
        if (field === 'event') name = text;
        if (field === 'data') data.push(text);
      }
      rest = rest.slice(end + 2);
      if (data.length) yield { name, data: JSON.parse(data.join('\n')) };
    }
  }
}
