"""How the pictures of `cifarlab.data.drawn` are drawn: shapes, places, figures. numpy only."""
