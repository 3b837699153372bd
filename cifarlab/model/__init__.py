"""From images to logits and losses."""
