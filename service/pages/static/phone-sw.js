// Keeps the phone's shells and scripts for when there is no line; nothing signed and nobody's data is kept here.
"use strict";
const SHELLS = "greenlane-phone";
const FIRST = ["/phone", "/phone/mandate", "/phone/hours", "/phone/spending", "/phone/data"];

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(SHELLS).then((kept) => kept.addAll(FIRST)).then(() => self.skipWaiting()));
});
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

// From the network while there is one, so that a new version is shown at once.
async function newest(request) {
  const kept = await caches.open(SHELLS);
  try {
    const fresh = await fetch(request);
    if (fresh.ok) await kept.put(request, fresh.clone());
    return fresh;
  } catch {
    return (await kept.match(request, {ignoreSearch: true})) ?? Response.error();
  }
}

// A message says nothing but that there is something to look at; an open page looks by itself.
self.addEventListener("push", (event) => event.waitUntil(self.registration.showNotification("greenlane", {
  body: "加油账单有新消息，请查看\nSomething new about your fuel: please look", tag: "look", renotify: true, icon: "/static/icon.svg", data: "/phone",
})));
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(self.clients.matchAll({type: "window", includeUncontrolled: true}).then((open) => {
    const mine = open.find((one) => new URL(one.url).pathname.startsWith("/phone"));
    return mine ? mine.focus() : self.clients.openWindow("/phone");
  }));
});

self.addEventListener("fetch", (event) => {
  const {pathname, origin} = new URL(event.request.url);
  const isShell = pathname === "/phone" || pathname.startsWith("/phone/") || pathname.startsWith("/static/");
  if (event.request.method === "GET" && origin === self.location.origin && isShell) event.respondWith(newest(event.request));
});
