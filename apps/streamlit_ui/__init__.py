"""The Streamlit app of ``ragbot ui --streamlit``: one module a page, over the knowledge bases of a process."""
