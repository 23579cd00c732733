"""Blanks for the answers that a sheet asks for."""

from __future__ import annotations

import dataclasses

from tinygrad_hw.worksheet.sheet.model import Answers, Ask, PartialAnswer, Sheet
from tinygrad_hw.worksheet.sheet.parts import FACTOR, FORWARD, PARTIAL, TABLE, UPDATED
from tinygrad_hw.worksheet.solution.solve import Solution, solve


def blanks(sheet: Sheet) -> Sheet:
    """Return a sheet with a blank for every number that its ``[ask]`` asks for.

    Without ``[ask]``, for every number that has an answer; on a sheet without answers, for every
    value, factor, partial, update and table entry. Then each chain has all its factors; by
    ``[ask]``, a factor is asked for once, in the first chain that has it.
    """
    if sheet.ask or not sheet.has_answers:
        return with_blanks(solve(sheet))
    first, *later = map(_emptied, sheet.answers_by_step)
    return dataclasses.replace(sheet, answers=first, later_answers=tuple(later))


def _emptied(answers: Answers) -> Answers:
    return Answers(
        dict.fromkeys(answers.forward, ""),
        {
            name: PartialAnswer(
                tuple(dict.fromkeys(path, "") for path in answer.paths),
                None if answer.value is None else "",
                (),
            )
            for name, answer in answers.partials.items()
        },
        dict.fromkeys(answers.updated, ""),
        dict.fromkeys(answers.table, ""),
    )


def with_blanks(solution: Solution) -> Sheet:
    """Return the sheet of a solution with all its answers blank."""
    empty = dataclasses.replace(
        solution.sheet, answers=Answers(), later_answers=(Answers(),) * len(solution.later_steps)
    )
    return _with_answers(solution, empty, repeats=empty.ask is None)


def with_all_asked(sheet: Sheet) -> Sheet:
    """Return a sheet with a blank for all that its ``[ask]`` asks for and that has no answer."""
    return sheet if sheet.ask is None else _with_answers(solve(sheet), sheet, repeats=False)


def _with_answers(solution: Solution, sheet: Sheet, repeats: bool) -> Sheet:
    ask = sheet.ask or Ask()
    first, *later = (
        _step(step, answers, ask, repeats)
        for step, answers in zip(solution.steps, sheet.answers_by_step, strict=True)
    )
    table = {name: "" for name in solution.final if ask.asks_for(TABLE, name)}
    known = sheet.answers
    first = dataclasses.replace(first, table=table | known.table, revealed=known.revealed)
    return dataclasses.replace(sheet, answers=first, later_answers=tuple(later))


def _step(solution: Solution, answers: Answers, ask: Ask, repeats: bool) -> Answers:
    written = {
        factor for answer in answers.partials.values() for path in answer.paths for factor in path
    }
    partials = {}
    first = ask.partials if isinstance(ask.partials, tuple) else ()
    by_parameters = list(solution.partials)[: len(solution.sheet.parameters)]
    for name in dict.fromkeys((*first, *by_parameters, *answers.partials)):
        is_asked = ask.asks_for(PARTIAL, name)
        answer = answers.partials.get(name, PartialAnswer())
        chain = [[str(factor) for factor in path] for path in solution.chain(name).paths]
        if is_asked or isinstance(ask.factors, tuple):
            paths = []
            for path in chain if len(chain) != 1 or len(chain[0]) > 1 else ():
                asked = [f for f in path if ask.asks_for(FACTOR, f) and f not in written]
                paths.append(asked)
                written |= set() if repeats else set(asked)
            answer = dataclasses.replace(answer, paths=_merged(answer.paths, paths, chain))
        if is_asked and answer.value is None:
            answer = dataclasses.replace(answer, value="")
        if answer != PartialAnswer():
            partials[name] = answer
    missing = sorted({*ask.factors} - written) if isinstance(ask.factors, tuple) else []
    if missing:
        raise solution.sheet.error(
            f"factors has {missing[0]}, which stands in no chain; ask for it among the partials",
            "ask",
            "factors",
        )
    return Answers(
        forward={name: "" for name in solution.forward if ask.asks_for(FORWARD, name)}
        | answers.forward,
        partials=partials,
        updated={name: "" for name in solution.updated if ask.asks_for(UPDATED, name)}
        | answers.updated,
    )


def _merged(
    written: tuple[dict[str, str], ...], asked: list[list[str]], chain: list[list[str]]
) -> tuple[dict[str, str], ...]:
    """Put the factors that are asked for among those that are written, in the chain's order."""
    paths = [*written, *({} for _ in asked[len(written) :])]
    for i, names in enumerate(asked):
        if names:
            place = {name: k for k, name in enumerate(chain[i])}
            whole = dict.fromkeys(names, "") | paths[i]
            paths[i] = {name: whole[name] for name in sorted(whole, key=lambda n: place.get(n, -1))}
    return tuple(paths) if any(paths) else ()
