"""Calls of every NumPy function that polygrad's arrays are dispatched to, as lines of code.

``x y`` are vectors of 5, ``m`` is 3 x 4, ``s`` 3 x 3 and not symmetric, ``t`` 2 x 3 x 4,
``c`` and ``d`` are 0-d, ``k`` is increasing. ``b`` is a mask and ``i`` integers, constants.
"""

REDUCTIONS = """
sum(x)|sum(m,axis=0)|sum(m,0,keepdims=True)|sum(m,axis=(0,1))|sum(x,where=b)|sum(x,initial=2)
sum(x,initial=2.5)|sum(x,dtype=D)|sum(m,axis=())|prod(x)|prod(m,axis=1)|prod(x,initial=3)
prod(x,where=b,initial=2)|prod(x,dtype=D)|mean(x)|mean(m,1)|mean(m,axis=(0,1),keepdims=True)
mean(x,where=b)|mean(x,dtype=D)|var(m,axis=0)|var(x,ddof=1)|var(x,correction=1)|var(x,where=b)
var(x,mean=np.mean(x,keepdims=True))|var(x,dtype=D)|std(m,axis=1)|std(x,ddof=2)|std(x,where=b)
std(m,axis=1,keepdims=True,mean=np.mean(m,axis=1,keepdims=True))|std(x,correction=1,dtype=D)
max(m,axis=1)|max(x,initial=9)|max(x,initial=0,where=b)|amax(m,0)|min(m,axis=0,keepdims=True)
min(x,initial=-9.5)|amin(x)|min(x,where=b,initial=9)|ptp(m,axis=1)|ptp(m,keepdims=True)|any(x)
any(m,axis=1)|any(x,where=b)|all(x)|all(m,axis=0,keepdims=True)|all(x,where=b)|count_nonzero(x)
count_nonzero(m,axis=1,keepdims=True)|argmax(m,axis=1)|argmax(x,keepdims=True)|argmin(m)
cumsum(m)|cumsum(m,axis=1)|cumsum(x,dtype=D)|cumprod(m,axis=0)|cumprod(x)|cumprod(x,dtype=D)
cumulative_sum(x)|cumulative_sum(m,axis=1,include_initial=True)|cumulative_prod(x)
cumulative_prod(m,axis=0,include_initial=True)|nancumsum(x)|nancumsum(m,axis=1)|nancumprod(x)
nansum(n)|nansum(m,axis=1,keepdims=True)|nansum(n,dtype=D)|nansum(n,initial=2)|nansum(n,where=b)
nanprod(n)|nanprod(n,initial=2,where=b)|nanprod(m,axis=0)|nanmean(n)|nanmean(m,axis=1)
nanmean(n,where=b)|nanmean(n,dtype=D)|nanvar(n)|nanvar(n,ddof=1)|nanvar(n,correction=1,where=b)
nanstd(n)|nanstd(m,axis=0,keepdims=True)|nanstd(n,where=b)|nanmax(n)|nanmax(m,axis=1)|nanmin(n)
nanmax(n,initial=0,where=b)|nanmin(n,initial=0)|nanargmax(n)|nanargmin(n)|nanmedian(n)
nanmedian(m,axis=1,keepdims=True)|average(x)|average(x,weights=w)|average(m,axis=1,weights=w4)
average(m,axis=0,keepdims=True)|average(m,axis=(0,1),weights=w34)|average(x,weights=w,returned=True)
median(m,axis=0)|median(x)|median(x,keepdims=True)|quantile(x,0.3)|quantile(m,[0.25,0.6],axis=1)
quantile(m,0.3,axis=(0,1),keepdims=True)|percentile(x,40)|percentile(m,[10.0,90.0],axis=0)
nanquantile(n,0.3)|nanquantile(m,[0.2,0.7],axis=0)|nanpercentile(n,30)|nanpercentile(m,30.0,axis=1)
quantile(x,0.3,weights=w,method='inverted_cdf')|cov(m)|cov(x,y)|cov(m,rowvar=False)|cov(m,bias=True)
cov(m,ddof=0)|cov(m,fweights=f4)|cov(m,aweights=w4)|cov(m,fweights=f4,aweights=w4,ddof=0)
cov(m,dtype=D)|corrcoef(m)|corrcoef(x,y)|corrcoef(m,rowvar=False,dtype=D)
"""
METHODS = (
    "inverted_cdf averaged_inverted_cdf closest_observation interpolated_inverted_cdf hazen "
    "weibull linear median_unbiased normal_unbiased lower higher midpoint nearest"
)
SHAPES = """
reshape(m,(2,6))|reshape(m,(2,6),order='F')|reshape(m,-1,copy=True)|ravel(m)|ravel(m,order='F')
reshape(m,(4,-1),order='A')|ravel(m,'K')|transpose(t)|transpose(t,(1,0,2))|permute_dims(t,(2,0,1))
matrix_transpose(t)|swapaxes(t,0,2)|moveaxis(t,0,-1)|rollaxis(t,2)|rollaxis(t,0,3)|squeeze(m[None])
expand_dims(x,(0,2))|squeeze(m[None,:,None],axis=(0,2))|broadcast_to(x,(2,5))|broadcast_arrays(x,c)
atleast_1d(c)|atleast_2d(x)|atleast_3d(m)|atleast_1d(x,c)|concatenate([x,y])|concatenate([m,m],axis=1)
concatenate([m,t],axis=None)|concat([x,y],axis=0)|concatenate([x,y],dtype=D)|concatenate([x,i])
stack([x,y])|stack([x,y],axis=1)|stack([x,y],axis=-1,dtype=D)|vstack([x,y])|vstack([x,y],dtype=D)
hstack([x,y])|hstack([m,m])|dstack([x,y])|column_stack([x,y])|block([[m,m],[m,m]])|block([x,[c]])
append(x,y)|append(m,m,axis=0)|append(x,2)|insert(x,1,c)|insert(x,[1,3],c)|insert(m,1,x[:4],axis=0)
insert(x,2,[1,2])|insert(x,slice(0,4,2),9.5)|insert(x,-1,[c,d])|insert(m,[0,2],7,axis=1)
insert(m,[1],x[:3,None],axis=1)|insert(x,np.array([True,False,False,True,False]),c)
delete(x,1)|delete(m,[0,2],axis=1)|delete(x,slice(1,3))|delete(x,b)|delete(x,-1)|array_split(x,3)
split(m,2,axis=1)|split(x,[1,3])|vsplit(m,3)|hsplit(m,2)|hsplit(x,[2])|dsplit(t,2)|unstack(t,axis=1)
flip(m)|flip(m,axis=(0,1))|fliplr(m)|flipud(m)|rot90(m)|rot90(m,k=-1)|rot90(t,2,axes=(1,2))|roll(x,2)
roll(m,(1,2),axis=(0,1))|roll(m,1,axis=0)|tile(x,2)|tile(m,(2,1,2))|repeat(x,2)|repeat(m,2,axis=1)
repeat(x,[1,0,2,1,1])|pad(x,1)|pad(x,(1,2),constant_values=3)|pad(m,((1,0),(2,1)),mode='edge')
pad(x,2,mode='reflect')|pad(x,2,mode='wrap')|pad(x,2,mode='symmetric')|meshgrid(x,y)|resize(x,(3,3))
meshgrid(x,y,indexing='ij')|meshgrid(x,y,sparse=True)|meshgrid(x,y,c,sparse=True,indexing='ij')
tril(m)|tril(m,k=1)|triu(m,-1)|triu(t)|diagonal(m)|diagonal(t,1,0,2)|linalg.diagonal(t,offset=1)
diag(x)|diag(m,1)|diag(x,-2)|diagflat(m)|diagflat(x,1)|copy(x)|astype(x,D)|zeros_like(x)|ones_like(m)
full_like(x,2)|full_like(x,2.7)|full_like(x,2,dtype=D)|zeros_like(x,shape=(2,2))|ones_like(x,dtype=D)
full_like(x,2,shape=(2,))|lib.stride_tricks.sliding_window_view(x,3)
lib.stride_tricks.sliding_window_view(m,(2,2))|trim_zeros(np.concatenate([[0],x,[0]]))|shape(x)|ndim(m)
size(m)|size(m,1)|size(m,axis=(0,1))|apply_along_axis(np.sum,1,m)|apply_along_axis(np.cumsum,0,m)
apply_along_axis(lambda r:r[:2]*r[0],0,t)|apply_over_axes(np.sum,t,(0,2))|tril_indices_from(m)
triu_indices_from(m,1)|diag_indices_from(s)
"""
ELEMENTS = """
where(x>0,x,y)|where(x>0,x,0)|where(x>0,1.5,x)|where(b,c,d)|where(i,x,y)|where(x>0,x,i)|clip(x,-0.5,1)
clip(x,None,1)|clip(x,min=-0.5)|clip(x,y,np.abs(y))|clip(x,c,d)|clip(i,x,9)|choose(i%2,[x,y])|fix(x)
choose(i,[x,y],mode='wrap')|choose(i,[x,y],mode='clip')|choose(i%2,[x,1])|nan_to_num(n)|around(x,1)
select([x>1,x>0],[x,y])|select([x>1,x>0],[x,y],default=2.5)|select([x>1,x>0],[x,1],c)|round(x)
round(x*10,-1)|piecewise(x,[x>0,x<=0],[lambda v:v*v,lambda v:-v])|piecewise(x,[x>1],[2,lambda v:v])
piecewise(x,x>0,[lambda v,q:v*q,3],2)|real(x)|imag(x)|angle(x)|angle(x,deg=True)|real_if_close(x)
nan_to_num(n,nan=2)|nan_to_num(x,posinf=9.0,neginf=-9)|sinc(x)|i0(x)|isclose(x,y)|allclose(x,y)
isclose(n,n,equal_nan=True)|isclose(x,1,rtol=0.1,atol=1)|array_equal(x,y)|array_equal(n,n,equal_nan=True)
array_equiv(x,y)|iscomplexobj(x)|isrealobj(x)|iscomplex(x)|isreal(x)|isposinf(x)|isneginf(x)
result_type(x,i)|result_type(x,2.0)|can_cast(x.dtype,'f8')|unwrap(x*3)|unwrap(m*4,axis=0)|unwrap(x*3,discont=4)
unwrap(x*3,period=2.5)|interp(c,k,x)|interp(x,k,y)|interp(x,k,y,left=1,right=c)|interp(x,k,y,period=3.45)
interp(k,k,y)|diff(x)|diff(m,axis=0)|diff(x,n=2)|diff(x,n=0)|diff(x,prepend=c)
diff(x,n=0,prepend=1)|diff(m,axis=1,append=2)|diff(x,n=2,prepend=[1,2],append=y)|ediff1d(m)
ediff1d(x,to_end=9,to_begin=c)|trapezoid(x)|trapezoid(x,dx=0.5)|trapezoid(x,k)|trapezoid(m,axis=0)
trapezoid(m,x=w4,axis=1)|gradient(x)|gradient(x,2)|gradient(x,c)|gradient(x,k)|gradient(m)
gradient(m,axis=1)|gradient(m,2.0,k[:4])|gradient(x,edge_order=2)|gradient(x,k,edge_order=2)
gradient(m,0.5,edge_order=2)|gradient(m,2,axis=(0,1))|convolve(x,y)|convolve(x,y[:3],'same')
convolve(x,y[:3],mode='valid')|convolve(x,[1,2])|correlate(x,y)|correlate(x[:3],y,'full')
correlate(x,y[:2],mode='same')|correlate(x[:2],y,'same')|correlate(x[:3],y,'same')
polyval(x,y)|polyval(x,2)|polyval([1,2],x)|vander(x)|vander(x,3,increasing=True)|vander(x,0)
polymul(x,y)|polyadd(x,y[:3])|polysub(x[:2],y)|polyder(x)|polyder(x,2)|polyint(x)|polyint(x,2,k=[1,c])
polydiv(x,y[:2])|polyfit(k,x,2)|polyfit(k,x,1,w=w)|polyfit(k,np.stack([x,y],axis=1),1)
polyfit(k,x,1,cov=True)|polyfit(k,x,1,cov='unscaled')|poly(x[:3])|poly(s@s.T)|roots(np.array([1,-3.5,1.5])*c)
linspace(c,d,5)|linspace(0,c,4)|linspace(c,d,4,endpoint=False)|linspace(x,y,3)|linspace(x,2,3,axis=-1)
linspace(c,d,4,retstep=True)|linspace(c,d,3,dtype=D)|logspace(c,d,4)|logspace(x,y,3,base=2)|logspace(0,c,3)
logspace(c,d,3,dtype=D)|logspace(x,y,3,axis=1)|geomspace(c,d,4)|geomspace(np.abs(x)+1,9,3)|geomspace(c,4,3,endpoint=False)
geomspace(-c,-d,3)|geomspace(c,d,3,dtype=D)|geomspace(w,w+1,3,axis=1)
"""
SEARCHING = """
sort(x)|sort(m,axis=0)|sort(m,axis=None)|sort(x,kind='stable')|sort(x,stable=True)|partition(x,2)
argsort(x)|argsort(m,axis=0,kind='stable')|searchsorted(k,x)|searchsorted(k,c,side='right')
searchsorted(x,y,sorter=np.argsort(np.array([.7,-1.3,2.1,.4,-.6])))|digitize(x,k)|digitize(x,k,right=True)
digitize(x,np.flip(k))|digitize(x,np.flip(k),right=True)|nonzero(x)|argwhere(m)|flatnonzero(x)
take(x,[0,2])|take(m,[0,2],axis=1)|take(m,5)|take(x,7,mode='wrap')|take(x,[-9,9],mode='clip')
take_along_axis(m,np.argsort(m,axis=1),axis=1)|take_along_axis(m,np.array([0,5]),axis=None)|compress(b,x)
compress([True,False,True],m,axis=0)|extract(x>0,x)|unique(x)|unique(x,return_index=True,return_inverse=True,return_counts=True)
isin(x,y)|isin(x,y,invert=True)|bincount(np.array([0,1,1,2,0]),weights=x)|bincount(i,weights=x,minlength=9)
union1d(x,y)|intersect1d(x,x[:3])|setdiff1d(x,y[:2])|setxor1d(x,y)|lexsort((x,y))
lexsort(m)|sort_complex(x)|histogram(x,3)|histogram(x,k)|histogram(x,3,range=(-1,2),weights=y)
histogram(x,3,density=True)|histogram_bin_edges(x,4)|histogram(x,k,weights=y,density=True)
"""
PRODUCTS = """
dot(x,y)|dot(m,m.T)|dot(c,x)|dot(t,m.T)|dot(m.T,s)|dot(x[:4],t.swapaxes(1,2))|inner(x,y)|inner(m,m)
inner(t,m)|outer(x,y)|outer(m,x)|linalg.outer(x,y)|vdot(x,y)|vdot(m,m)|linalg.vecdot(m,m)
linalg.vecdot(m,m,axis=0)|linalg.matmul(m,m.T)|tensordot(t,m,axes=([1,2],[0,1]))|tensordot(m,s,(0,0))
tensordot(x,y,0)|tensordot(s,m,1)|linalg.tensordot(m,m,axes=2)|einsum('ij,kj->ik',m,m)|einsum('ij->j',m)
einsum('ii',s)|einsum('...j,j',t,x[:4])|einsum(m,[0,1],x[:4],[1],[0])|einsum('i,i,i->',x,y,x,optimize=True)
kron(x,y)|kron(m,s)|kron(t,x)|cross(m[:,:3],s)|cross(s,s[0],axis=0)|cross(m[0,:3],s,axisb=0,axisc=0)
linalg.cross(s,m[:,:3])|trace(m)|trace(t,1,1,2)|trace(s,dtype=D)|linalg.trace(t,offset=1)|linalg.norm(x)
linalg.norm(m)|linalg.norm(m,axis=1)|linalg.norm(x,1)|linalg.norm(x,np.inf)|linalg.norm(x,-np.inf)|linalg.norm(x,3)
linalg.norm(x,0)|linalg.norm(s,'nuc')|linalg.norm(m,2)|linalg.norm(m,-2)|linalg.norm(m,1)|linalg.norm(m,-np.inf)
linalg.norm(m,'fro',axis=(0,1),keepdims=True)|linalg.norm(t,axis=(0,2),ord=1)|linalg.norm(t)|linalg.norm(m,axis=0,keepdims=True,ord=-1)
linalg.vector_norm(m,axis=1,ord=3)|linalg.vector_norm(t)|linalg.matrix_norm(t)|linalg.matrix_norm(m,ord=1,keepdims=True)
linalg.det(s)|linalg.slogdet(s)|linalg.inv(s)|linalg.eigvalsh(s)|linalg.eigvalsh(s,UPLO='U')|linalg.svdvals(m)
linalg.cholesky(p)|linalg.cholesky(p,upper=True)|linalg.cholesky(q)|linalg.cholesky(q,upper=True)|abs(linalg.eigh(s)[1])
linalg.eigh(s)[0]|linalg.eigh(s,'U')[0]|abs(linalg.eigh(s,UPLO='U')[1])|abs(linalg.qr(m)[1])|abs(linalg.qr(m,mode='r'))
abs(linalg.qr(m.T,mode='complete')[1])|linalg.svd(m)[1]|linalg.svd(m,compute_uv=False)|abs(linalg.svd(m,full_matrices=False)[0])
linalg.svd(s,hermitian=True)[1]|linalg.svd(s,compute_uv=False,hermitian=True)|linalg.svd(s,hermitian=True)[0]@linalg.svd(s,hermitian=True)[2]
linalg.solve(s,m)|linalg.solve(s,x[:3])|linalg.solve(np.stack([s,s+1]),m)|linalg.pinv(m)|linalg.pinv(s,hermitian=True)
linalg.pinv(m,rtol=0.01)|linalg.lstsq(m.T,x[:4])[0]|linalg.lstsq(m.T,x[:4])[1]|linalg.lstsq(m,x[:3])[0]
linalg.lstsq(m.T,x[:4])[3]|linalg.matrix_power(s,3)|linalg.matrix_power(s,-2)|linalg.matrix_power(s,0)|linalg.matrix_rank(m)
linalg.matrix_rank(m,tol=2.0)|linalg.matrix_rank(s,hermitian=True)|linalg.matrix_rank(x)|linalg.matrix_rank(m,rtol=0.3)
linalg.matrix_rank(c)|linalg.multi_dot([m,m.T,s])|linalg.multi_dot([x[:4],m.T,x[:3]])|linalg.cond(s)|linalg.cond(m)
linalg.cond(s,1)|linalg.cond(s,'fro')|linalg.cond(s,-2)|linalg.cond(s,np.inf)|linalg.tensorinv(np.reshape(s,(3,1,3)),ind=2)
linalg.tensorsolve(np.reshape(s,(3,3,1)),x[:3])|linalg.tensorsolve(np.reshape(s,(3,1,3)),x[:3],axes=(1,))
linalg.matrix_transpose(m)|linalg.eigvals(p)|linalg.eig(p)[0]
"""
TRANSFORMS = """
fft.fft(x)|fft.fft(x,3)|fft.fft(m,axis=0,norm='ortho')|fft.ifft(x,8)|fft.rfft(x)|fft.irfft(x)|fft.irfft(x,7)|fft.hfft(x)
fft.ihfft(x)|fft.fft2(m)|fft.ifft2(m)|fft.rfft2(m)|fft.irfft2(m)|fft.fftn(t)|fft.ifftn(t,axes=(0,1))
fft.rfftn(m)|fft.irfftn(m)|fft.fftshift(x)|fft.ifftshift(m,axes=1)|fft.fftn(m,s=(2,6),axes=(0,1))
fft.fft2(t,axes=(0,1))|fft.rfft(x,norm='forward')|fft.rfft2(m,s=(4,4),axes=(0,1))
"""
UFUNCS = """
add(x,1)|add(x,2.5)|subtract(2,x)|multiply(x,y)|divide(x,3)|true_divide(1,w)|power(w,2)|power(w,2.5)|pow(2,x)
power(w,y)|float_power(w,y)|float_power(x,2)|float_power(w,-1)|floor_divide(x,2)|remainder(x,0.8)|mod(x,y)|fmod(x,y)|fmod(x,0.9)
divmod(x,0.9)|modf(x)|frexp(x)|negative(x)|positive(x)|abs(x)|absolute(x)|fabs(x)|sign(x)|rint(x)|floor(x)|ceil(x)|trunc(x)
conj(x)|conjugate(x)|exp(x)|exp2(x)|expm1(x)|log(w)|log2(w)|log10(w)|log1p(w)|logaddexp(x,y)|logaddexp2(x,y)|logaddexp(x,1)
sqrt(w)|square(x)|cbrt(x)|reciprocal(x)|sin(x)|cos(x)|tan(x)|arcsin(x/3)|arccos(x/3)|arctan(x)|arctan2(x,y)|hypot(x,y)
asin(x/3)|acos(x/3)|atan(x)|atan2(x,1)|asinh(x)|acosh(w+1)|atanh(x/3)|sinh(x)|cosh(x)|tanh(x)|arcsinh(x)|arccosh(w+1)
arctanh(x/3)|degrees(x)|radians(x)|deg2rad(x)|rad2deg(x)|maximum(x,0)|minimum(x,y)|fmax(x,y)|fmin(x,0.5)|fmax(n,x)|heaviside(x,0.5)
copysign(x,y)|copysign(x,-1)|ldexp(x,i)|ldexp(x,2)|signbit(x)|isfinite(n)|isinf(x)|isnan(n)|greater(x,y)|less(x,1)
equal(x,y)|not_equal(x,1)|greater_equal(x,y)|less_equal(x,0)|logical_and(x,y)|logical_or(x,0)|logical_xor(x,y)|logical_not(x)
matmul(m,m.T)|matvec(m,x[:4])|vecmat(x[:3],m)|vecdot(m,m)|matmul(t,m.T)|vecdot(m,m,axis=0)
add(x,y,dtype=D)|multiply(x,2,dtype=D)|exp(x,dtype=D)|greater(x,1,dtype=bool)|add.reduce(m)|add.reduce(m,axis=(0,1))|add.reduce(m,axis=None)
add.reduce(x,initial=3)|add.reduce(x,where=b)|multiply.reduce(m,axis=1,keepdims=True)|multiply.reduce(x,where=b,initial=2)|maximum.reduce(m,axis=1)
minimum.reduce(x,initial=-9)|maximum.reduce(x,where=b,initial=0)|logaddexp.reduce(x)|logaddexp.reduce(m,axis=1)|logaddexp2.reduce(x)|hypot.reduce(x)
hypot.reduce(x,initial=2)|fmax.reduce(m,axis=0)|fmin.reduce(x)|subtract.reduce(x)|divide.reduce(x)|logical_and.reduce(x)|logical_or.reduce(m)
logical_xor.reduce(m,axis=1)|add.accumulate(m)|add.accumulate(m,1)|multiply.accumulate(x)
maximum.accumulate(x)|minimum.accumulate(m,axis=1)|subtract.accumulate(x)|logaddexp.accumulate(x)|add.accumulate(x,dtype=D)|fmax.accumulate(x)
hypot.accumulate(m,axis=1)|logical_or.accumulate(x)|add.outer(x,y)|multiply.outer(m,x)|subtract.outer(x,1)|maximum.outer(x,y)|arctan2.outer(x,y)
add.reduceat(x,[0,2,1])|multiply.reduceat(m,[0,2],axis=1)|maximum.reduceat(x,[0,3])|add.reduceat(m,[0,1])|logaddexp.reduceat(x,[0,2])
multiply.outer(x,2,dtype=D)
"""
GROUPS = {
    "reductions": REDUCTIONS,
    "shapes": SHAPES,
    "elements": ELEMENTS,
    "searching": SEARCHING,
    "products": PRODUCTS,
    "transforms": TRANSFORMS,
    "ufuncs": UFUNCS,
}


def calls(group: str) -> list[str]:
    """The lines of code of a group."""
    return [call for line in GROUPS[group].split("\n") for call in line.split("|") if call]
