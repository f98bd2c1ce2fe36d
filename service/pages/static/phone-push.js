// Notices that wake this phone: switched on by a press, kept up while the browser allows them, switched off by a press.
"use strict";
import {ask, at, press, quiet, say} from "/static/phone-page.js";

const canPush = () => "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
const base64url = (raw) => btoa(String.fromCharCode(...new Uint8Array(raw))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

function show(isOn) {
  at("push").hidden = false;
  at("push-on").hidden = isOn;
  at("push-off").hidden = !isOn;
}

// A subscription with another key than the service's is of an installation before: it is made anew.
async function subscribe(publicKey) {
  const {pushManager} = await navigator.serviceWorker.ready;
  const before = await pushManager.getSubscription();
  const key = before?.options.applicationServerKey;
  if (before && !(key && base64url(key) === publicKey)) await before.unsubscribe();
  const made = await pushManager.subscribe({userVisibleOnly: true, applicationServerKey: bytes(publicKey)});
  const {endpoint, keys} = made.toJSON();
  return ask("POST", "/v1/phone/push", {endpoint, p256dh: keys.p256dh, auth: keys.auth});
}

async function turnOn(publicKey) {
  quiet();
  if ((await Notification.requestPermission()) !== "granted") { say("push-denied"); return; }
  try {
    if (await subscribe(publicKey)) { show(true); say("push-on", "", "done"); }
  } catch (error) { say("push-failed", String(error.message ?? "")); }
}

async function turnOff() {
  quiet();
  const {pushManager} = await navigator.serviceWorker.ready;
  await (await pushManager.getSubscription())?.unsubscribe().catch(() => {});
  if (await ask("POST", "/v1/phone/push/off", {})) show(false);
}

export async function offerPush() {
  if (!canPush()) return;
  const found = await ask("GET", "/v1/phone/push");
  if (!found) return;
  const allowed = Notification.permission === "granted";
  show(found.on && allowed);
  press(at("push-on"), () => turnOn(found.public_key));
  press(at("push-off"), turnOff);
  if (found.on && allowed) subscribe(found.public_key).catch(() => {});
}
