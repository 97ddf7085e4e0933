"""What the web pages show of answers, sources, hits, progress, agents and evaluations, as HTML; of no web framework.

Every function takes values of the library and the reader's language (``zh`` or ``en``) and returns one line of HTML in
an element of class ``rb``, which :data:`ragbot.showing.html.STYLE` paints. Nothing in it is a script, and nothing makes the
browser ask for anything. A page acts on clicks by the attributes ``data-…``: ``data-citation`` is the marker of a
citation, ``data-index`` its place in ``citations``, ``data-hit`` the place of a hit, ``data-document`` the id of a document,
``data-at`` an offset to go to.
"""
