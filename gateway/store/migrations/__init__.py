"""The way from each schema to the next, applied in order by peewee's own runner. A released file is never edited."""
