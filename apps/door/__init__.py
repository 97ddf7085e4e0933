"""What stands before both pages, Gradio's and Streamlit's: other sites stay out, and whoever needs a key logs in."""
