"""Gemma 3 in int8 on the CPU, without torch: weights, tokenizer, ONNX graph, engine, chat model."""
