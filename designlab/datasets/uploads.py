"""Taking an upload in: the size is known before the file is kept, its digest comes from the one pass that stores it."""

import hashlib
from collections.abc import Callable
from functools import wraps

from django.core.files import File
from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt, csrf_protect

ENVELOPE = 64 * 1024  # what the form around the file may take
View = Callable[..., HttpResponse]


class Capped(FileUploadHandler):
    """Drops a request's files when the request is longer than the limit; the view then finds `too_large` set."""

    def __init__(self, request, limit: int) -> None:
        super().__init__(request)
        self.limit = limit
        self.too_large = False

    def handle_raw_input(self, input_data, META, content_length, boundary, encoding=None):
        """Look at the announced length before anything is read."""
        self.too_large = content_length > self.limit + ENVELOPE

    def receive_data_chunk(self, raw_data, start):
        """Pass the data on, unless the file is too large: then read the rest and keep nothing."""
        if self.too_large:
            raise StopUpload(connection_reset=False)
        return raw_data

    def file_complete(self, file_size):
        """Nothing to add; the next handler builds the file."""


def capped_at(limit: Callable[[], int]) -> Callable[[View], View]:
    """A view that takes files and is told `capped`: a request longer than `limit()` bytes has lost its files.

    The limit stands before the body is read; the token of the form is therefore checked inside.
    """

    def wrapped(view: View) -> View:
        checked = csrf_protect(view)

        @csrf_exempt
        @wraps(view)
        def outer(request: HttpRequest, *rest: object, **named: object) -> HttpResponse:
            capped = Capped(request, limit())
            request.upload_handlers.insert(0, capped)
            return checked(request, *rest, capped=capped, **named)

        return outer

    return wrapped


class Digesting(File):
    """A file that computes its SHA-256 while a storage reads it from the beginning."""

    def __init__(self, file) -> None:
        super().__init__(file)
        self._sha256 = hashlib.sha256()

    def seek(self, position: int, whence: int = 0) -> int:
        """Storages only go back to the beginning, where the digest begins as well."""
        if (position, whence) == (0, 0):
            self._sha256 = hashlib.sha256()
        return self.file.seek(position, whence)

    def read(self, size: int = -1) -> bytes:
        """The next bytes, counted into the digest."""
        data = self.file.read(size)
        self._sha256.update(data)
        return data

    @property
    def sha256(self) -> str:
        """The digest of what was read so far, as hexadecimal text."""
        return self._sha256.hexdigest()
