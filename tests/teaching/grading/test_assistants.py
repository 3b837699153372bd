"""The instructions for coding assistants are one text, in the files that assistants read."""

from cifarlab.teaching.grading import assistants


def test_the_files_name_the_exercise_and_share_one_text(tmp_path):
    assistants.write_files(tmp_path, "03_queue_fill")
    texts = {name: (tmp_path / name).read_text() for name in assistants.FILES}
    agents = texts["AGENTS.md"]
    assert "03_queue_fill" in agents
    assert "{name}" not in "".join(texts.values())
    assert texts["CLAUDE.md"] == texts["GEMINI.md"] == "@AGENTS.md\n"
    assert texts[".github/copilot-instructions.md"] == agents
    assert texts[".cursor/rules/tutor.mdc"] == f"---\nalwaysApply: true\n---\n\n{agents}"


def test_the_files_are_replaced_when_an_exercise_is_released_again(tmp_path):
    assistants.write_files(tmp_path, "01_softmax")
    (tmp_path / "AGENTS.md").write_text("old")
    assistants.write_files(tmp_path, "01_softmax")
    assert "01_softmax" in (tmp_path / "AGENTS.md").read_text()
