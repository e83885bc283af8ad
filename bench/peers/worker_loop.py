"""How a bench talks to a program that stays: one JSON object a line in, one out. An error is an answer."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable


def serve(handlers: dict[str, Callable[[dict], dict]]) -> None:
    """Answers each request by the handler that its `do` names, until the other side has no more."""
    # What a library prints must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = handlers[request["do"]](request)
        except Exception as error:  # The other side decides whether to go on without this answer.
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
