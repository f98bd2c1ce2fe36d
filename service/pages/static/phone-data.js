// What is kept about the person: taken along as a file, or erased by a word that the phone's key signs.
"use strict";
import {forget, signedText} from "/static/phone-key.js";
import {ask, at, fetchOnce, phone, press, quiet, say, start} from "/static/phone-page.js";

async function download() {
  quiet();
  const found = await fetchOnce("/v1/phone/data");
  if (!found) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(found, null, 1)], {type: "application/json"}));
  link.download = "greenlane-my-data.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  at("consents").textContent = [...new Set(found.phones.map((one) => one.consent).filter(Boolean))].join(", ");
}

async function erase() {
  quiet();
  const me = await ask("GET", "/v1/phone/me");
  if (!me) return;
  const record = {person: me.person, at: new Date().toISOString()};
  const answer = await ask("POST", "/v1/phone/erasure", await signedText(phone(), "greenlane erasure ", record), {words: {409: "open"}});
  if (!answer) return;
  await forget();
  location.assign("/phone");
}

start(async () => {
  const me = await ask("GET", "/v1/phone/me");
  at("consents").textContent = me?.consent ?? "";
  press(at("download"), download);
  press(at("erase"), erase);
});
