// The plate keyboard: keys that no format allows next are greyed, and the typed plate goes to the lane.
"use strict";
(() => {
  const form = document.getElementById("typing"), plate = document.getElementById("plate"), hint = document.getElementById("hint");
  const send = document.getElementById("send"), pages = {provinces: document.getElementById("provinces"), signs: document.getElementById("signs")};
  const keys = [...document.querySelectorAll("[data-sign]")];
  let formats = [], chosen = null;

  const clean = (text) => text.normalize("NFKC").toUpperCase().replace(/[\s.·•・‧∙⋅●\-_—–'`|/\\,]/g, "");
  const begins = (text) => formats.filter((f) => text.length <= f.length && [...text].every((s, i) => f[i].includes(s)));
  const isPlate = (text) => begins(text).some((f) => f.length === text.length);

  function show(name) { for (const [n, e] of Object.entries(pages)) e.hidden = n !== name; }

  function follow() {
    const text = clean(plate.value);
    const next = new Set(begins(text).flatMap((f) => (f.length > text.length ? [...f[text.length]] : [])));
    for (const key of keys) key.disabled = inPin ? !/^[0-9]$/.test(key.dataset.sign) : formats.length > 0 && !next.has(key.dataset.sign);
    send.disabled = formats.length > 0 && !isPlate(text);
    const first = [...pages.provinces.querySelectorAll("[data-sign]")].some((k) => !k.disabled && k.dataset.sign !== "使");
    show(chosen ?? (first && !inPin ? "provinces" : "signs"));
    if (text && begins(text).length === 0) say("没有这样的车牌", "No plate looks like this");
    else if (text) say("", "");
  }

  function write(zh, en) {
    hint.replaceChildren();
    for (const [lang, words] of [["zh-CN", zh], ["en", en]]) {
      const part = document.createElement("span");
      part.lang = lang;
      part.textContent = words + " ";
      hint.append(part);
    }
  }

  let fading = 0;
  function say(zh, en) {
    clearTimeout(fading);
    if (zh) fading = setTimeout(() => hint.replaceChildren(), 6000);
    write(zh, en);
  }

  const pin = document.getElementById("pin"), pinRow = document.querySelector(".pin-row");
  let inPin = false;
  pin.addEventListener("focus", () => { inPin = true; follow(); });
  plate.addEventListener("focus", () => { inPin = false; follow(); });
  new MutationObserver(() => {
    const wanted = document.querySelector("[data-wants-pin]") !== null;
    if (pinRow.hidden === wanted) { pinRow.hidden = !wanted; pin.value = ""; inPin = false; follow(); }
  }).observe(document.querySelector(".panel-state"), {childList: true, subtree: true});

  function type(sign) {
    if (inPin && /^[0-9]$/.test(sign)) { pin.value = (pin.value + sign).slice(0, 6); return; }
    inPin = false;
    plate.value = clean(plate.value) + sign; chosen = null; follow();
  }

  document.querySelector(".panel-keys").addEventListener("click", (event) => {
    const key = event.target.closest("button[type=button]");
    if (!key) return;
    if (key.dataset.sign) type(key.dataset.sign);
    else if (key.dataset.page) { chosen = key.dataset.page; follow(); pages[chosen].querySelector("button:not(:disabled)")?.focus(); }
    else if (key.dataset.do === "back" && inPin) pin.value = pin.value.slice(0, -1);
    else if (key.dataset.do === "back") { plate.value = clean(plate.value).slice(0, -1); chosen = null; follow(); }
    else if (key.dataset.do === "clear") { plate.value = pin.value = ""; inPin = false; chosen = null; follow(); }
  });
  plate.addEventListener("input", () => { chosen = null; follow(); });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    try {
      const answer = await fetch(form.action, {
        method: "POST", headers: {Accept: "application/json"}, body: new URLSearchParams(new FormData(form)), redirect: "manual",
      });
      if (answer.type === "opaqueredirect" || answer.status === 401) { location.reload(); return; }
      const told = await answer.json();
      pin.value = "";
      if (answer.status === 202) { plate.value = ""; inPin = false; chosen = null; }
      follow();
      if (told.zh) say(told.zh, told.en);
      else say("页面已过期，请刷新", "This page is out of date: load it again");
    } catch {
      follow();
      say("连接中断，请重试", "No connection: please try again");
    }
  });

  fetch("/static/plates.json").then((answer) => answer.json()).then((table) => { formats = table; follow(); });
})();
