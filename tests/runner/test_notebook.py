"""The runners in a notebook, with a kernel of its own: results and a bar in the cell that asked for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aymara_async.sandbox import Sandbox
from tests.cli.process import own_environment

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

CELLS = [
    """
import time
from aymara_async import AsyncAymaraAI, AymaraAI
from aymara_async.runner import AsyncEvalRunner, EvalRunner

def params(name):
    return {"ai_description": "x", "eval_type": "safety", "num_prompts": 60, "name": name}

def answer(prompt):
    time.sleep(0.02)
    return "I cannot help with that."
""",
    """
client = AymaraAI()
EvalRunner(client, answer, progress=True).run_eval(params("Blocking")).pass_rate
""",
    """
EvalRunner(client, answer, progress=True).run_eval(params("Once more")).pass_rate
""",
    """
async with AsyncAymaraAI() as async_client:
    outcome = await AsyncEvalRunner(async_client, answer, progress=True).run_eval(params("Awaited"))
outcome.pass_rate
""",
    """
EvalRunner(client, lambda prompt: 1 / 0, progress=True).run_eval(params("Failing"))
""",
]


async def test_a_notebook(sandbox: Sandbox, tmp_path: Path) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    kernel = nbclient.NotebookClient(
        notebook, timeout=50, kernel_name="python3", allow_errors=True, resources={"metadata": {"path": str(tmp_path)}}
    )
    env = own_environment(
        AYMARA_AI_BASE_URL=sandbox.url, AYMARA_AI_API_KEY=sandbox.api_key, PYTHONPATH=str(Path(__file__).parents[2])
    )
    await kernel.async_execute(env=env)
    imports, blocking, again, awaited, failing = (cell.outputs for cell in notebook.cells)
    assert imports == []
    for name, outputs in (("Blocking", blocking), ("Once more", again), ("Awaited", awaited)):
        *drawn, result = outputs
        bar = "".join(one.text for one in drawn if one.name == "stderr")
        assert f"{name}: 100%" in bar
        assert "answers 60/60, scored 60, pass rate 100%" in bar
        assert text_of(result) == "1.0"
    assert failing[-1].ename == "ModelError"
    assert len(sandbox.scored) == 180


def text_of(output: Any) -> str:
    text: str = output.data["text/plain"]
    return text
