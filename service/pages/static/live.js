// Keeps [data-live] regions fresh: an event says that something changed, then the region is fetched again.
// Nothing is believed to be current while the line is down: the page says so, and comes back by itself.
"use strict";
(() => {
  const region = document.querySelector("[data-live]");
  if (!region) return;
  const lost = document.getElementById("lost");
  const spoken = document.getElementById("spoken");
  let shown = null, source = null, fetching = false, again = false, works = false, told = "";
  let lastGood = Date.now(), soon = 0;

  // Puts the new text in; what is being typed and where one stands stay.
  function replace(text) {
    const typed = [...region.querySelectorAll("input[id]")].filter((e) => e.value).map((e) => [e.id, e.value]);
    const held = region.contains(document.activeElement) ? document.activeElement : null;
    const nameOf = (e) => e.id || e.getAttribute("aria-label") || e.textContent;
    const name = held && nameOf(held);
    region.innerHTML = text;
    document.dispatchEvent(new Event("replaced"));
    for (const [id, value] of typed) { const input = document.getElementById(id); if (input) input.value = value; }
    if (held) [...region.querySelectorAll("a, button, input")].find((e) => nameOf(e) === name)?.focus();
  }

  function speak() {
    const words = region.querySelector("[data-spoken]")?.dataset.spoken ?? "";
    if (spoken && spoken.textContent !== words) spoken.textContent = words;
  }

  function reach(isThere) {
    if (isThere) lastGood = Date.now();
    const isLost = !isThere && Date.now() - lastGood > 4000;
    if (isThere || isLost) {
      if (region.classList.contains("stale") === isLost) return;
      if (lost) lost.hidden = !isLost;
      region.classList.toggle("stale", isLost);
      document.dispatchEvent(new Event("replaced"));
    }
  }

  async function refresh() {
    if (fetching) { again = true; return; }
    fetching = true;
    try {
      const headers = {Accept: "text/html", "Greenlane-Told": told};
      const answer = await fetch(region.dataset.live, {headers, redirect: "manual", signal: AbortSignal.timeout(8000)});
      if (answer.type === "opaqueredirect" || answer.status === 401) { location.reload(); return; }
      if (!answer.ok) throw new Error(String(answer.status));
      const text = await answer.text();
      if (text !== shown) { replace(text); shown = text; speak(); }
      works = true;
      reach(true);
      clearTimeout(soon);
      soon = setTimeout(refresh, 1000 * Math.max(0.5, Number(answer.headers.get("Greenlane-Fresh-S")) || 15));
      document.dispatchEvent(new Event("refreshed"));
    } catch { works = false; reach(false); }
    fetching = false;
    if (again) { again = false; setTimeout(refresh, 250); }
  }

  function listen() {
    source?.close();
    source = new EventSource(region.dataset.events);
    source.addEventListener("changed", (event) => { told = event.data; refresh(); });
    source.addEventListener("alive", () => { if (works) reach(true); });
    source.onerror = () => { if (source.readyState === EventSource.CLOSED) setTimeout(listen, 2000); refresh(); };
  }

  // What the server has now, whatever fetch is under way.
  window.greenlaneRefresh = async () => {
    while (fetching) await new Promise((done) => setTimeout(done, 20));
    await refresh();
  };
  listen();
  speak();
  setInterval(() => {
    const quiet = Date.now() - lastGood;
    if (quiet > 4000) refresh();
    if (quiet > 6000) reach(false);
  }, 1000);
})();
