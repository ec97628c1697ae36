// In the demo, a page follows what happens: it is fetched again every two seconds, and
// shown where it has changed. Whoever is about to press something is left alone.

async function follow() {
  const here = document.querySelector('#follow');
  const busy = here?.querySelector(':is(a, button, input, select, summary):focus, #running:not([hidden])');
  if (document.hidden || !here || busy) return;
  const answer = await fetch(location.pathname, { headers: { Accept: 'text/html' } });
  if (!answer.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const now = page.querySelector('#follow');
  if (now && !now.isEqualNode(here)) here.replaceChildren(...now.childNodes);
}

setInterval(() => follow().catch(() => {}), 2000);
