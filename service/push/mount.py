"""Puts push onto the service's application: its routes, and the sender that runs beside it."""

from __future__ import annotations

from fastapi import FastAPI

from service.books.books import Books
from service.push import routes
from service.push.hosts import hosts_of_environment
from service.push.pusher import Pusher
from service.push.subscriptions import Subscriptions
from service.push.vapid import VapidKey


def mount(app: FastAPI, books: Books) -> None:
    """The key is made when the first phone asks for it, or when `greenlane service` starts."""
    key = app.state.push_key = VapidKey.of(books.database)
    now = books.clock.now
    subscriptions = app.state.push_subscriptions = Subscriptions(books.database, now, hosts_of_environment())
    app.state.beside.append(Pusher(subscriptions, key, now))
    app.include_router(routes.router)
