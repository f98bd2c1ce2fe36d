// One thing fills the panel's screen: what the lane shows, the keyboard, or that the connection is lost. Which one is
// settled in the same task that brings the news, so that no frame shows two. Keys that no format allows next are greyed.
"use strict";
(() => {
  const panel = document.getElementById("panel"), region = document.getElementById("region"), lost = document.getElementById("lost");
  const form = document.getElementById("typing"), plate = document.getElementById("plate"), pin = document.getElementById("pin");
  const hint = document.getElementById("hint"), opener = document.getElementById("open-keys"), closer = document.getElementById("close-keys");
  const pages = {provinces: document.getElementById("provinces"), characters: document.getElementById("characters")};
  const keys = [...document.querySelectorAll("[data-key]")];
  const UNTOUCHED_MS = 30000;
  let formats = [], chosen = null, inPin = false, opened = false, closed = false, about = null, wanted = "", idle = 0;

  const clean = (text) => text.normalize("NFKC").toUpperCase().replace(/[\s.·•・‧∙⋅●\-_—–'`|/\\,]/g, "");
  const begins = (text) => formats.filter((f) => text.length <= f.length && [...text].every((s, i) => f[i].includes(s)));

  function show(name) { for (const [n, e] of Object.entries(pages)) e.hidden = n !== name; }

  function follow() {
    const text = clean(plate.value);
    const next = new Set(begins(text).flatMap((f) => (f.length > text.length ? [...f[text.length]] : [])));
    for (const key of keys) key.disabled = inPin ? !/^[0-9]$/.test(key.dataset.key) : formats.length > 0 && !next.has(key.dataset.key);
    const first = [...pages.provinces.querySelectorAll("[data-key]")].some((k) => !k.disabled && k.dataset.key !== "使");
    show(chosen ?? (first && !inPin ? "provinces" : "characters"));
  }

  function say(zh, en) {
    hint.replaceChildren();
    for (const [lang, words] of [["zh-CN", zh], ["en", en]]) {
      const part = document.createElement("span");
      part.lang = lang;
      part.textContent = words;
      hint.append(part, " ");
    }
  }

  function empty() { plate.value = pin.value = ""; inPin = false; chosen = null; }

  // The one place that decides what fills the screen.
  function settle() {
    const screen = region.firstElementChild;
    const asks = "asks" in screen.dataset, mayType = "mayType" in screen.dataset, wantsPin = "wantsPin" in screen.dataset;
    const news = [screen.dataset.visit, screen.dataset.state, asks, wantsPin].join(" ");
    if (screen.dataset.visit !== about) { about = screen.dataset.visit; opened = closed = false; empty(); }
    if (news !== wanted) { wanted = news; closed = false; if (!asks) { opened = false; empty(); } }
    pin.hidden = !wantsPin;
    opener.hidden = !mayType;
    const view = !lost.hidden ? "lost" : (asks && !closed) || (opened && mayType) ? "keys" : "screen";
    if (view === "keys" && panel.dataset.view !== "keys") enter(screen, asks, wantsPin);
    else if (view === "keys" && asks && hint.dataset.told !== screen.dataset.zh) tell(screen);
    panel.dataset.view = view;
    follow();
  }

  function enter(screen, asks, wantsPin) {
    if (asks) tell(screen); else say(hint.dataset.zh, hint.dataset.en);
    if (wantsPin && !plate.value) { plate.value = screen.dataset.plate ?? ""; inPin = plate.value !== ""; }
    clearTimeout(idle);
  }

  function tell(screen) { hint.dataset.told = screen.dataset.zh; say(screen.dataset.zh, screen.dataset.en); }

  function touched() {
    clearTimeout(idle);
    idle = setTimeout(() => { if (opened) { opened = false; empty(); settle(); } }, UNTOUCHED_MS);
  }

  function open() {
    if (!("mayType" in region.firstElementChild.dataset)) return;
    opened = true; closed = false;
    settle(); touched(); plate.focus();
  }

  function type(key) {
    if (inPin && /^[0-9]$/.test(key)) { pin.value = (pin.value + key).slice(0, 6); return; }
    inPin = false;
    plate.value = clean(plate.value) + key; chosen = null; follow();
  }

  function act(name) {
    if (name === "back" && inPin) pin.value = pin.value.slice(0, -1);
    else if (name === "back") { plate.value = clean(plate.value).slice(0, -1); chosen = null; follow(); }
    else if (name === "clear") { empty(); follow(); }
    else if (name === "close") { opened = false; closed = true; empty(); settle(); opener.focus(); }
  }

  form.addEventListener("click", (event) => {
    const key = event.target.closest("button[type=button]");
    touched();
    if (!key) return;
    if (key.dataset.key) type(key.dataset.key);
    else if (key.dataset.page) { chosen = key.dataset.page; follow(); pages[chosen].querySelector("button:not(:disabled)")?.focus(); }
    else act(key.dataset.do);
  });
  plate.addEventListener("input", () => { touched(); chosen = null; follow(); });
  pin.addEventListener("focus", () => { inPin = true; follow(); });
  plate.addEventListener("focus", () => { inPin = false; follow(); });
  opener.addEventListener("click", open);
  region.addEventListener("click", open);
  document.addEventListener("replaced", settle);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && panel.dataset.view === "keys") act("close"); });

  function note(zh, en) {
    const place = region.querySelector(".english");
    if (place) place.textContent = `${zh} ${en}`;
  }

  async function send() {
    const answer = await fetch(form.action, {
      method: "POST", headers: {Accept: "application/json"}, body: new URLSearchParams(new FormData(form)), redirect: "manual",
    });
    if (answer.type === "opaqueredirect" || answer.status === 401) { location.reload(); return; }
    const told = await answer.json();
    pin.value = "";
    if (!answer.ok) { say(told.zh ?? "页面已过期", told.en ?? "Page out of date: reload"); return; }
    await window.greenlaneRefresh();
    opened = false;
    empty();
    settle();
    if (answer.status === 200) note(told.zh, told.en);
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = document.getElementById("send");
    button.disabled = true;
    try { await send(); } catch { say("网络中断，请重试", "No connection"); }
    button.disabled = false;
    follow();
  });

  settle();
  fetch("/static/plates.json").then((answer) => answer.json()).then((table) => { formats = table; follow(); });
})();
