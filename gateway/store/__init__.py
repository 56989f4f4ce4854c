"""What is durable: tables, migrations, engines, the one writer, and the questions that can be asked.

``docs/store.md`` describes the tables and what is promised of them.
"""
