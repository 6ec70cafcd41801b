migrations = [
    {
        "name": "add-slug",
        "up": lambda db: db.people.update_many({"slug": {"$exists": False}}, [{"$set": {"slug": {"$toLower": "$name"}}}]),
        "down": lambda db: db.people.update_many({}, {"$unset": {"slug": ""}}),
    },
]
