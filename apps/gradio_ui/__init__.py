"""The Gradio app of ``ragbot ui``: one module a tab, over the knowledge bases of a process."""
