def assert_equal(a,b,ts):
    import datetime
    def norm(v):
        if isinstance(v,datetime.datetime): return (v.astimezone(datetime.timezone.utc).replace(tzinfo=None) if v.tzinfo else v)
        return bytes(v) if isinstance(v,memoryview) else int(v) if isinstance(v,bool) else v
    for t in ts:
        x,y=[sorted([tuple(map(norm,r)) for r in d.run(f"select * from {t}")],key=lambda r:r[0]) for d in (a,b)]
        bad=[(p,q) for p,q in zip(x,y) if p!=q]; assert x==y,(len(x),len(y),bad[:3])
