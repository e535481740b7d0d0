"""A number inside a JSON column, as SQL: for sorting, filtering and counting on the server of the database."""

import json
import re

from django.db.models import F, FloatField, Func

SIMPLE_KEY = re.compile(r"[A-Za-z_][\w .,()/%-]*", re.ASCII)


class JSONNumber(Func):
    """`column[key]` as a float, NULL where it is missing.

    Django's own key lookup takes "7" for a position in a list, and SQLite has no way to write a key with quotes in a
    path; here a key may be any text.
    """

    output_field = FloatField()

    def __init__(self, column: str, key: str, **extra) -> None:
        super().__init__(F(column) if isinstance(column, str) else column, **extra)
        self.key = key

    def as_sqlite(self, compiler, connection, **_):
        """By a path where the key can be written as one; else by looking through the members, which is slower."""
        column, params = compiler.compile(self.source_expressions[0])
        if SIMPLE_KEY.fullmatch(self.key):
            return f"CAST(JSON_EXTRACT({column}, %s) AS REAL)", [*params, f"$.{json.dumps(self.key)}"]
        member = f"FROM JSON_EACH({column}) AS m WHERE m.key = %s"  # the key itself travels as a parameter
        return f"(SELECT CAST(m.value AS REAL) {member})", [*params, self.key]

    def as_postgresql(self, compiler, connection, **_):
        """By the text of the member."""
        column, params = compiler.compile(self.source_expressions[0])
        return f"CAST({column} ->> %s AS double precision)", [*params, self.key]
