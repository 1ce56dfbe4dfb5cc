"""What is told to do about a mistake: names that were meant, what there is, and the file to write."""

from __future__ import annotations

import re

import pytest

from operators.base.licence import CLASSES, NAMED
from tests.conftest import PLAIN, Project


def check(project: Project, *arguments: str) -> str:
    """What a check says of a recipe that is wrong; nothing where it is right."""
    ran = project.run("check", "recipe.yaml", *arguments)
    assert ran.code in (0, 2) and "Traceback" not in ran.err
    return ran.err if ran.code else ""


def marked(told: str) -> list[str]:
    """The text over each caret."""
    shown = re.findall(r"^ *\d+ \| (.*)\n +\| ( *)(\^+)$", told, re.MULTILINE)
    return [line[len(space) : len(space) + len(carets)] for line, space, carets in shown]


@pytest.mark.parametrize("said", ["b.jsonl", "data/b.jsonl", "data/*.csv", "data/**/*.jsonl.gz", "./b.jsonl"])
def test_a_file_that_is_not_in_its_folder_is_told_by_a_check(project: Project, said: str) -> None:
    project.rows("data/rows.jsonl", ["물"])
    told = check(project, "--set", f"sources.a.file={said}")
    assert f"no file matches `{said}`" in told and marked(told) == [said]


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("aa.jsonl", "did you mean `a.jsonl`?"),
        ("data/row.jsonl", "did you mean `rows.jsonl`?"),
        ("data/other.csv", "its folder holds: `rows.jsonl`"),
    ],
)
def test_the_file_that_was_meant_is_named(project: Project, said: str, hint: str) -> None:
    project.rows("data/rows.jsonl", ["물"])
    assert hint in check(project, "--set", f"sources.a.file={said}")


def test_a_folder_that_is_not_here_may_be_on_another_machine(project: Project) -> None:
    ran = project.run("check", "recipe.yaml", "--set", "sources.a.file=elsewhere/b.jsonl")
    assert ran.code == 0 and "not proven" in ran.out


def test_a_file_that_a_lock_knows_may_be_missing(project: Project) -> None:
    project.build()
    assert project.run("lock", "recipe.yaml", "--store", "store").code == 0
    (project.folder / "a.jsonl").unlink()
    assert check(project) == ""


BENCHMARK = """
benchmarks:
  b: {task: math, language: ko, license: A, extract: last_line, items: {file: FILE, columns: {prompt: p, gold_answer: p}}}
"""


@pytest.mark.parametrize(
    ("more", "meant"),
    [
        (BENCHMARK.replace("FILE", "item.jsonl"), "items.jsonl"),
        ("models: {m: {id: a/b, license: mit, tokenizer: tokeniser.json}}\n", "tokenizer.json"),
        ("extends: bas.yaml\n", "base.yaml"),
    ],
    ids=["benchmark", "tokenizer", "base"],
)
def test_every_kind_of_file_that_is_misspelt_is_told_with_the_near_name(project: Project, more: str, meant: str) -> None:
    project.write(meant, '{"p": "1"}\n' if meant != "base.yaml" else "format: 1\n")
    project.write("recipe.yaml", PLAIN + more)
    told = check(project)
    assert f"did you mean `{meant}`?" in told and told.count("error:") == 1 and "recipe.yaml:" in told


def test_a_prompt_file_that_is_misspelt_is_told_with_the_near_name(project: Project) -> None:
    project.write("languages/ko.yaml", "language: ko\nname: Korean\nprompts: {short: {file: shrt.txt}}\n")
    project.write("languages/short.txt", "짧게")
    told = check(project)
    assert "did you mean `short.txt`?" in told and "languages/ko.yaml:3:" in told


@pytest.mark.parametrize("name", [*NAMED, *(name.upper() for name in NAMED), "Apache-2.0", "MIT", "CC-BY-NC-SA-4.0"])
def test_a_licence_by_its_name_is_of_its_class(project: Project, name: str) -> None:
    ran = project.run("check", "recipe.yaml", "--set", f"sources.a.license={name}", "--json")
    assert ran.json["outputs"]["prompts"]["license"] == NAMED[name.lower()]


def test_a_licence_by_its_name_is_the_same_dataset_as_its_class(project: Project) -> None:
    assert project.digest("recipe.yaml", "--set", "sources.a.license=CC-BY-4.0") == project.digest()


@pytest.mark.parametrize(("said", "hint"), [("CC-BY-NC", "did you mean `cc-by-nc-"), ("mine", "A: may be redistributed")])
def test_a_licence_that_is_not_known_is_told_with_what_there_is(project: Project, said: str, hint: str) -> None:
    told = check(project, "--set", f"sources.a.license={said}")
    assert hint in told and all(each in told for each in CLASSES) and marked(told) == [said]


@pytest.mark.parametrize(("terms", "license"), [("Apache-2.0", "apache-2.0"), ("CC-BY-NC-SA-4.0", "MIT"), ("mit", "MIT")])
def test_the_terms_of_a_model_are_read_in_any_case(project: Project, terms: str, license: str) -> None:
    project.write("recipe.yaml", PLAIN + f"models: {{m: {{id: a/b, license: {license}, terms: {terms}}}}}\n")
    assert check(project) == ""


def test_licences_of_a_base_and_of_what_it_learns_that_clash_are_told_by_a_check(project: Project) -> None:
    cot = "cot: {schema: short, teacher: {model: t, recorded: r, system: none}, solution: {language: any}}\n"
    models = "models: {t: {id: a/t, license: mit, terms: gemma}, base: {id: a/b, license: llama3.1}}\n"
    source = "  r: {file: r.jsonl, category: x, license: A, columns: {prompt: q, completion: a}}\n"
    text = PLAIN.replace("prompts:\n", source + "prompts:\n") + models + cot
    project.rows("r.jsonl", [{"q": "물", "a": "답"}])
    train = "train: {sft: {objective: sft, model: base, data: traces, system: none}}\n"
    project.write("recipe.yaml", text + train)
    told = check(project)
    assert "`train.sft` can be released under no licence" in told and "llama3.1" in told and "gemma" in told
    project.write("recipe.yaml", text + train.replace("model: base", "model: t"))
    assert check(project) == ""


def test_an_unknown_function_is_told_with_those_that_there_are(project: Project) -> None:
    project.write("recipe.yaml", PLAIN + "  - where: lenght(prompt) > 2\n")
    told = check(project)
    assert "did you mean `length`?" in told and "regexp_matches" in told and "strpos" in told


def test_an_unknown_column_is_told_with_those_that_there_are(project: Project) -> None:
    project.write("recipe.yaml", PLAIN + "  - unique: {by: promt}\n")
    told = check(project)
    assert "did you mean `prompt`? there is: `category`, `license`, `prompt`, `source`" in told and marked(told) == ["promt"]


def test_an_unknown_column_of_a_file_is_told_with_those_that_there_are(project: Project) -> None:
    told = check(project, "--set", "sources.a.columns={prompt: pormpt}")
    assert "did you mean `prompt`? there is: `prompt`" in told or "did you mean `prompt`?" in told


def test_a_missing_profile_is_told_with_those_that_there_are_and_the_file_to_write(project: Project) -> None:
    told = check(project, "--set", "language.target=kr")
    assert "there is: en, fa, hi, ko, ru, th, tr, vi, zh; or write languages/kr.yaml beside the recipe" in told


def test_a_missing_entry_is_told_as_it_would_be_written(project: Project) -> None:
    cot = "cot: {schema: monolingual, teacher: {model: m}}\nmodels: {m: {id: a/b, license: mit, terms: mit}}\n"
    project.write("recipe.yaml", PLAIN + cot)
    told = check(project, "--set", "language.target=fa")
    assert "copy pkg:languages/fa.yaml to languages/fa.yaml beside the recipe" in told
    assert "add `prompts: {monolingual: ...}` there" in told


@pytest.mark.parametrize(
    ("name", "content", "advice"),
    [
        ("a.xls", b"\xd0\xcf\x11\xe0", "save a workbook as xlsx, or each sheet as csv"),
        ("a.7z", b"7z\xbc\xaf", "or unpack it"),
        ("a.csv", "prompt,b\n물,1\n".encode("utf-16"), "say `encoding: utf-16`"),
        ("a.jsonl", b"", "it is empty"),
    ],
)
def test_a_file_that_is_not_read_is_told_with_what_can_be_done(project: Project, name: str, content: bytes, advice: str) -> None:
    (project.folder / name).write_bytes(content)
    told = check(project, "--set", f"sources.a.file={name}")
    assert advice in told and "add `format:`" not in told and "\\x00" not in told and "did you mean" not in told


@pytest.mark.parametrize("value", ["[\\boxed{}, b]", "{text: \\boxed{}}", "[a, x{y]"])
def test_text_with_a_bracket_in_a_flow_list_is_to_be_quoted(project: Project, value: str) -> None:
    project.write("recipe.yaml", PLAIN + f"description: {value}\n")
    told = check(project)
    assert "quote text that holds `{`" in told and told.count("error:") == 1


def test_what_is_not_shown_of_a_restricted_source_is_told_with_the_reason(project: Project) -> None:
    project.write("a.jsonl", '{"prompt": "비밀입니다", "n": "열둘"}\n')
    said = "{file: a.jsonl, category: one, license: B, columns: {prompt: prompt, n: {field: n, as: integer}}}"
    ran = project.run("build", "recipe.yaml", "--store", "store", "--set", f"sources.a={said}")
    assert ran.code == 1 and "열둘" not in ran.err and "`...` is text of class B, shown in a terminal alone" in ran.err


@pytest.mark.parametrize(
    ("arguments", "told", "command"),
    [
        (["build", "recipe.yaml", "--nope"], "No such option '--nope'", "build"),
        (["check"], "say which recipe is checked", "check"),
        (["why", "recipe.yaml"], "give a row id", "why"),
        (["bild"], "No such command 'bild'", ""),
    ],
)
def test_a_wrong_call_is_json_where_json_is_asked_for(project: Project, arguments: list[str], told: str, command: str) -> None:
    ran = project.run(*arguments, "--json")
    assert ran.code == 2 and not ran.err and told in ran.json["error"]
    assert ran.json["hint"].startswith(f"recipe {command}".strip() + " --help")


@pytest.mark.parametrize("said", ["{}", "{Latn: []}"])
def test_a_language_that_is_written_in_no_script_is_told(project: Project, said: str) -> None:
    project.write("languages/xx.yaml", f"format: 1\nlanguage: xx\nname: Of nowhere\nscripts: {said}\n")
    told = check(project, "--set", "language.target=xx")
    assert "`scripts` needs at least 1 key, not 0" in told or "a script has one range of code points at least" in told


def test_a_source_of_class_c_is_told_once_whatever_it_reaches(project: Project) -> None:
    project.write("recipe.yaml", "format: 1\nrecipe: t/c\nsources: {a: {file: a.jsonl, category: daily, license: C}}\n"
                  "tables: {one: {from: a}, two: {from: a}}\n")  # fmt: skip
    assert check(project).count("has licence class C") == 1


def test_a_step_on_conversations_is_told_to_say_the_turns(project: Project) -> None:
    project.rows("a.jsonl", [{"m": [{"role": "user", "content": "물은?"}, {"role": "assistant", "content": "끓어요"}]}])
    project.write("recipe.yaml", PLAIN.replace("license: A", "license: A, columns: {messages: m}"))
    assert "say the turns that are meant in its place, such as `user`" in check(project)
    assert not check(project, "--set", "prompts.length.in=user")
