// Search as you type over the teams of the home page. Without this script there
// is a button, and the server searches.

const find = document.querySelector('#find');
const cards = [...document.querySelectorAll('[data-team]')];
const found = document.querySelector('#found');
const none = document.querySelector('#none');
const next = document.querySelector('#next-zone');

const plain = (text) => text.normalize('NFD').replace(/[\u0300-\u036f]/g, '').toLowerCase();
const words = (text) => plain(text).split(/[^a-z0-9]+/).filter(Boolean);

// The cards for which each word typed begins one of the team's own, or else one of its own
// or of its nicknames.
function fitting(typed) {
  const find = (wordsOf) => cards.filter((card) => {
    const own = words(wordsOf(card.dataset));
    return typed.every((word) => own.some((one) => one.startsWith(word)));
  });
  const found = find(({ team }) => team);
  return found.length ? found : find(({ team, nicknames = '' }) => `${team} ${nicknames}`);
}

let telling;

function filter() {
  const typed = words(find.value);
  const shown = fitting(typed);
  const count = shown.length;
  for (const card of cards) card.hidden = !shown.includes(card);
  for (const group of document.querySelectorAll('.division, .conference')) {
    group.hidden = !group.querySelector('[data-team]:not([hidden])');
  }
  none.hidden = count > 0;
  next.hidden = !count;
  clearTimeout(telling);
  telling = setTimeout(() => {
    found.textContent = typed.length ? `${count} ${count === 1 ? 'team' : 'teams'} found` : '';
  }, 500);
}

if (find) {
  find.addEventListener('input', filter);
  find.form.addEventListener('submit', (event) => {
    event.preventDefault();
    const shown = cards.filter((card) => !card.hidden);
    const link = shown[0]?.querySelector('.card-main');
    if (shown.length === 1) link.click();
    else link?.focus();
  });
  if (find.value) filter();
}
