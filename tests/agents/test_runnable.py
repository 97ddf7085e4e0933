"""The agent as a LangChain runnable and as a node of a real LangGraph graph; other people's tools in it."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool as langchain_tool

from agents.runnable import AgentRunnable, as_node, question_of
from agents.runs import AgentRun
from ragbot.errors import UserError
from tests.agents.doubles import ALLOW_ALL, add_tool, agent, call, native, say


def test_a_runnable() -> None:
    made = AgentRunnable(agent([call("add", a=2, b=3), say("5")], [add_tool()]))
    chain = made | RunnableLambda(lambda run: run.text)
    assert chain.invoke("What is 2 + 3?") == "5 [1]"
    steps = AgentRunnable(agent([say("x")], [])).steps({"question": "What is it?"})
    assert [step.kind for step in steps] == ["answer"]


def test_a_node_of_a_graph() -> None:
    from langgraph.graph import END, START, MessagesState, StateGraph

    made = agent([call("add", a=2, b=3), say("5"), say("Still 5.")], [add_tool()])
    graph = StateGraph(MessagesState)
    graph.add_node("agent", as_node(made))
    graph.add_edge(START, "agent")
    graph.add_edge("agent", END)
    compiled = graph.compile()
    state = compiled.invoke({"messages": [HumanMessage("What is 2 + 3?")]})
    answer = state["messages"][-1]
    assert isinstance(answer, AIMessage) and answer.text == "5 [1]"
    about = answer.additional_kwargs["ragbot"]
    assert about["outcome"] == "answered" and about["sources"][0]["tool"] == "add"
    state = compiled.invoke({"messages": [*state["messages"], HumanMessage("And now?")]})
    assert state["messages"][-1].text == "Still 5."


def test_a_langchain_tool_is_as_good() -> None:
    @langchain_tool
    def population(city: str) -> int:
        """People in a city."""
        return {"上海": 24_870_000}[city]

    made = agent([native(("population", {"city": "上海"})), "24870000"], [population], "native", policy=ALLOW_ALL)
    run = made.run("上海有多少人？")
    assert isinstance(run, AgentRun) and run.text == "24870000 [1]"


def test_what_is_asked() -> None:
    messages = [HumanMessage("hello"), AIMessage("hi"), AIMessage(""), HumanMessage("And?")]
    question, history = question_of({"messages": messages})
    assert question == "And?"
    assert [(said.role, said.content) for said in history] == [("user", "hello"), ("assistant", "hi")]
    for nothing in ({}, [], [AIMessage("hi")], {"messages": []}):
        with pytest.raises(UserError):
            question_of(nothing)
